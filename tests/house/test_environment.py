"""Importing a module of ours changes no environment variable: what a program is told, it is told when it begins."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEFORE_PREFECT = "flows/__init__.py"
"""Whoever imports a flow may be Prefect itself, and it reads these settings once: no later moment is early enough."""
_CHANGES = {"setdefault", "update", "pop", "clear", "putenv", "unsetenv"}


def on_import(folder: Path) -> list[str]:
    """Every statement outside of functions that changes the environment."""
    return [
        f"{path.relative_to(folder)}:{node.lineno}"
        for room in ("chaos", "flows")
        for path in sorted((folder / room).rglob("*.py"))
        if "environ" in (text := path.read_text("utf-8")) or "putenv" in text
        for statement in ast.parse(text).body
        for node in _at_once(statement)
        if isinstance(node, ast.expr) and _changes(node)
    ]


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is read."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _at_once(child)


def _changes(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return ast.unparse(node.value) == "os.environ"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
        return ast.unparse(node.func.value) in ("os.environ", "os")
    return False


def test_nothing_is_written_on_import() -> None:
    assert [place.partition(":")[0] for place in on_import(ROOT)] == [BEFORE_PREFECT]


@pytest.mark.parametrize(
    "line", ['os.environ["A"] = "b"', 'os.environ.setdefault("A", "b")', 'if True:\n    os.putenv("A", "b")']
)
def test_such_a_line_would_be_seen(line: str, tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "new.py").write_text(f"import os\n{line}\n")
    assert len(on_import(tmp_path)) == 1
