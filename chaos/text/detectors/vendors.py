"""Keys and tokens by the patterns of their vendors, as gitleaks keeps them (`gitleaks.tsv`).

The table is read when the first text comes, and an expression is compiled when a word of its rule is in one.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

from chaos.text.deferred import deferred
from chaos.text.detectors.masks import SECRET, table

_LONG = deferred(r"(?<![\w=+/.~-])(?=[\w=+/.~-]{16})[A-Za-z_=+/.~-]*\d")
"""In every key of a vendor's: sixteen signs and a digit. Most lines have none, and are not looked at further."""


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
        at = max(range(1, len(found.groups()) + 1), key=lambda group: len(found[group] or ""), default=0)
        at = at if at and found[at] else 0
        secret = found[at]
        if bits(secret) < self.least_bits or SECRET in secret:
            return found[0]
        start, end = found.start(at) - found.start(), found.end(at) - found.start()
        return f"{found[0][:start]}{SECRET}{found[0][end:]}"


def vendors_keys(text: str) -> str:
    """The text without them."""
    if not _LONG.search(text):
        return text
    low = text.lower()
    for rule in rules():
        if any(word in low for word in rule.words):
            text = rule.without(text)
    return text


@cache
def rules() -> tuple[Rule, ...]:
    """The whole table."""
    rows = (line.split("\t") for line in table("gitleaks.tsv"))
    return tuple(
        Rule(name, tuple(words.split(",")), float(least), deferred(pattern))
        for name, words, least, pattern in rows
    )


def bits(word: str) -> float:
    """Shannon's entropy of a sign."""
    total = len(word)
    return -sum(many / total * math.log2(many / total) for many in Counter(word).values())
