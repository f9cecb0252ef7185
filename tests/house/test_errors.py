"""An error is told by its class, its errno or its kind; never by its words, which are for people."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def by_words(folder: Path) -> list[str]:
    """Every place that looks for words in the text of an exception that it caught."""
    return [
        f"{path.relative_to(folder)}:{node.lineno}: {ast.unparse(node)}"
        for room in ("chaos", "flows")
        for path in sorted((folder / room).rglob("*.py"))
        for caught in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(caught, ast.ExceptHandler) and caught.name
        for node in ast.walk(caught)
        if isinstance(node, ast.Compare) and any(_is_text_of(caught.name, each) for each in node.comparators)
    ]


def _is_text_of(name: str, value: ast.expr) -> bool:
    """`str(error)`, and what is made of that, such as `str(error).lower()`; `error.args`."""
    return any(
        (isinstance(node, ast.Call) and ast.unparse(node) == f"str({name})")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) == f"{name}.args")
        for node in ast.walk(value)
    )


def test_no_error_is_told_by_its_words() -> None:
    assert not by_words(ROOT)


@pytest.mark.parametrize("test", ['"x" in str(error)', '"x" not in str(error).lower()', "error.args == (1,)"])
def test_such_a_place_would_be_seen(test: str, tmp_path: Path) -> None:
    (tmp_path / "chaos").mkdir()
    test = test if "args" not in test else "(1,) == error.args"
    (tmp_path / "chaos" / "new.py").write_text(
        f"try:\n    f()\nexcept OSError as error:\n    if {test}: raise\n"
    )
    assert len(by_words(tmp_path)) == 1
