"""Word lists that decide what of a model's prose is accepted; `#` begins a comment."""

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def vocabulary(name: str) -> "re.Pattern[str]":
    """A pattern that finds any of a list's regular expressions, one a line, whatever their case."""
    return re.compile(rf"\b(?:{'|'.join(_lines(name))})\b", re.IGNORECASE)


@cache
def words(name: str) -> frozenset[str]:
    """All words of a list."""
    return frozenset(word for line in _lines(name) for word in line.split())


def _lines(name: str) -> list[str]:
    lines = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
