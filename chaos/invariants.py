"""Invariants of data: which there are, and the number that a look at the data reads.

Standard library only: the agent reads the number of each look, the host judges them together.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

NEVER_DECREASES = "never decreases"
EQUALS = "equals the number of acknowledged writes"
AT_LEAST = "at least the number of acknowledged writes"
Invariant = Literal[
    "never decreases",
    "equals the number of acknowledged writes",
    "at least the number of acknowledged writes",
]
INVARIANTS: tuple[str, ...] = get_args(Invariant)
WRITES = ("POST", "PUT")
"""Methods of a load whose requests are writes."""

_LEADING = re.compile(r"\A\s*(-?\d{1,18}(?:\.\d{1,9})?)(?=\s|$)", re.ASCII)


def number_of(value: Mapping[str, Any], at: str | None) -> float | None:
    """The number that a look saw: what the text begins with, or what is `at` that path of a JSON text; None of none."""
    if "number" in value:
        found = value["number"]
    else:
        text = str(value.get("body", value.get("output", "")))
        if at is None:
            leading = _LEADING.match(text)
            return float(leading[1]) if leading else None
        found = _inside(text, at)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _inside(text: str, at: str) -> object:
    try:
        found: object = json.loads(text)
    except ValueError:
        return None
    for key in at.split("."):
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict):
            found = found.get(key)
        else:
            return None
    return found
