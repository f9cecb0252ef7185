"""The sentences below the fields of a class, read from its source: what an editor shows beside each field.

Pydantic can do so as well, but for every class at every start; they are wanted only when a schema is written.
"""

import ast
import inspect
import textwrap
from functools import cache


def of(kind: type) -> dict[str, str]:
    """Field -> its docstring, of the class and of those it inherits from."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("chaos."):
            found |= _own(base)
    return found


@cache
def _own(kind: type) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    pairs = zip(definition.body, definition.body[1:], strict=False)
    return {
        field.target.id: inspect.cleandoc(said.value.value)
        for field, said in pairs
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
        and isinstance(said.value.value, str)
    }
