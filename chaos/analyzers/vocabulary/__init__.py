"""Word lists that decide what of a model's prose is accepted: one regular expression a line, `#` begins a comment."""

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def vocabulary(name: str) -> "re.Pattern[str]":
    """A pattern that finds any of a list's words, whatever their case."""
    lines = (line.strip() for line in (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines())
    return re.compile(
        rf"\b(?:{'|'.join(line for line in lines if line and line[0] != '#')})\b", re.IGNORECASE
    )
