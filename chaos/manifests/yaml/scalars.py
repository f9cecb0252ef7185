"""YAML scalars: what a plain word means by YAML 1.2's core schema; `on`, `no` and `12:30:00` are text."""

import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBERS_START = frozenset("0123456789+-.")
_MOST_DIGITS = 18  # what every JSON reader, 64-bit integer and Python conversion takes without a thought


def resolve(text: str) -> Scalar:
    """The value of a plain scalar. Raises ValueError for numbers that no manifest can mean."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBERS_START:
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a number that a manifest can mean")
    if _INT.fullmatch(text):
        return int(_short(text))
    if _OCTAL.fullmatch(text):
        return int(_short(text)[2:], 8)
    if _HEX.fullmatch(text):
        return int(_short(text)[2:], 16)
    if _FLOAT.fullmatch(text):
        return _finite(text)
    return text


def _short(text: str) -> str:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits; at most {_MOST_DIGITS}")
    return text


def _finite(text: str) -> float:
    value = float(text[:400])
    if len(text) > 400 or not math.isfinite(value):
        raise ValueError("a number too large to mean anything")
    return value
