"""Keys and tokens by the patterns of their vendors, as gitleaks keeps them (`gitleaks.tsv`).

The table is read when the first text comes, and an expression is compiled when a word of its rule is in one.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chaos.explain.detectors.masks import SECRET
from chaos.text.deferred import deferred

_TABLE = Path(__file__).parent / "gitleaks.tsv"


@dataclass(frozen=True, slots=True)
class Rule:
    """One vendor's pattern."""

    name: str
    words: tuple[str, ...]
    """One of which is in every text, in small letters, that it finds something in."""
    least_bits: float
    pattern: re.Pattern[str]

    def without(self, text: str) -> str:
        """The text without what it finds."""
        return self.pattern.sub(self._masked, text)

    def _masked(self, found: re.Match[str]) -> str:
        at = next((index for index, value in enumerate(found.groups(), start=1) if value), 0)
        secret = found[at]
        if bits(secret) < self.least_bits or SECRET in secret:
            return found[0]
        start, end = found.start(at) - found.start(), found.end(at) - found.start()
        return f"{found[0][:start]}{SECRET}{found[0][end:]}"


def vendors_keys(text: str) -> str:
    """The text without them."""
    low = text.lower()
    for rule in rules():
        if any(word in low for word in rule.words):
            text = rule.without(text)
    return text


@cache
def rules() -> tuple[Rule, ...]:
    """The whole table."""
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return tuple(
        Rule(name, tuple(words.split(",")), float(least), deferred(pattern))
        for name, words, least, pattern in rows
    )


def bits(word: str) -> float:
    """Shannon's entropy of a sign."""
    total = len(word)
    return -sum(many / total * math.log2(many / total) for many in Counter(word).values())
