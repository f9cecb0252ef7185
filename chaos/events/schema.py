"""Schema of event data: rules for single values, and the check of a whole mapping against an event's dataclass.

A rule says in words why a value does not fit. Words name keys and types and never repeat a value: whoever reads them
reads them in a terminal, and the value may be anybody's. Standard library only; on the host only.
"""

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

Rule = Callable[[Any], str | None]
"""Why a value does not fit; None when it does."""

_LARGEST_INT = 2**63 - 1
_KEY_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Text:
    """A string of so many characters at most, none of them half a surrogate pair."""

    most: int

    def __call__(self, value: Any) -> str | None:
        """See Rule."""
        if type(value) is not str:
            return f"is {_kind(value)}, not a text"
        if len(value) > self.most:
            return f"has {len(value):,} characters, {self.most:,} are allowed"
        return None if value.isascii() or _is_whole(value) else "is not Unicode text"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]

    def __call__(self, value: Any) -> str | None:
        """See Rule."""
        return None if type(value) is str and value in self.words else f"is none of {', '.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer between two, both included."""

    least: int = 0
    most: int = _LARGEST_INT

    def __call__(self, value: Any) -> str | None:
        """See Rule."""
        if type(value) is not int:
            return f"is {_kind(value)}, not a whole number"
        return (
            None if self.least <= value <= self.most else f"is not between {self.least:,} and {self.most:,}"
        )


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number between two, both included."""

    least: float = 0.0
    most: float = 1e18

    def __call__(self, value: Any) -> str | None:
        """See Rule."""
        if type(value) is not float and type(value) is not int:
            return f"is {_kind(value)}, not a number"
        # Neither comparison is true of NaN.
        return (
            None if self.least <= value <= self.most else f"is not between {self.least:g} and {self.most:g}"
        )


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def __call__(self, value: Any) -> str | None:
        """See Rule."""
        return None if type(value) is bool else f"is {_kind(value)}, not true or false"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of so many at most, each by one rule."""

    of: Rule
    most: int

    def __call__(self, value: Any) -> str | None:
        """See Rule."""
        if type(value) is not list:
            return f"is {_kind(value)}, not a list"
        if len(value) > self.most:
            return f"has {len(value):,} entries, {self.most:,} are allowed"
        return next((f"has an entry that {why}" for each in value if (why := self.of(each))), None)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping of so many names at most, each value by one rule."""

    of: Rule
    most: int

    def __call__(self, value: Any) -> str | None:
        """See Rule."""
        if type(value) is not dict:
            return f"is {_kind(value)}, not a mapping"
        if len(value) > self.most:
            return f"has {len(value):,} keys, {self.most:,} are allowed"
        if any(len(key) > _KEY_CHARACTERS or not _is_whole(key) for key in value):
            return "has a key that is no name"
        return next((f"has a value that {why}" for each in value.values() if (why := self.of(each))), None)


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with exactly the fields of a dataclass."""

    of: type

    def __call__(self, value: Any) -> str | None:
        """See Rule."""
        if type(value) is not dict:
            return f"is {_kind(value)}, not a mapping"
        return why_not(self.of, value)


@dataclass(frozen=True, slots=True)
class Plain:
    """Any JSON of so many levels and values at most, its numbers finite: for data that each fault has its own of."""

    depth: int = 6
    values: int = 2**14
    text: Text = Text(2**17)

    def __call__(self, value: Any) -> str | None:
        """See Rule."""
        left = self.values
        level = [value]
        for _ in range(self.depth):
            left -= len(level)
            if left < 0:
                return f"holds more than {self.values:,} values"
            below: list[Any] = []
            for each in level:
                if type(each) is dict:
                    if why := _odd_key(each):
                        return why
                    below += each.values()
                elif type(each) is list:
                    below += each
                elif why := self._scalar(each):
                    return why
            if not below:
                return None
            level = below
        return f"is nested deeper than {self.depth} levels"

    def _scalar(self, value: Any) -> str | None:
        if value is None or type(value) is bool:
            return None
        if type(value) is str:
            return self.text(value)
        if type(value) is int:
            return None if abs(value) <= _LARGEST_INT else "is too large a number"
        return None if math.isfinite(value) else "is not a finite number"


def _odd_key(mapping: Mapping[str, Any]) -> str | None:
    whole = all(len(key) <= _KEY_CHARACTERS and _is_whole(key) for key in mapping)
    return None if whole else "has a key that is no name"


class _Shape(NamedTuple):
    """What a dataclass says of the mapping that it stands for."""

    rules: Mapping[str, Rule]
    required: frozenset[str]
    rest: Rule | None
    """The rule of every key that is no field; None when there may be none."""


def why_not(of: type, data: Mapping[str, Any]) -> str | None:
    """Why a mapping does not fit a dataclass whose fields are annotated with rules; None when it does.

    A field with a default may be absent; a field named in `rest` takes every other key.
    """
    shape = _shapes.get(of) or _shapes.setdefault(of, _shape(of))
    for key, value in data.items():
        rule = shape.rules.get(key) or shape.rest
        if rule is None:
            return f"has a key that is not known: {ascii(key)[:60]}"
        if why := rule(value):
            return f"{ascii(key)[1:-1][:60]} {why}"
    if shape.rest is not None and len(data) > _REST_KEYS:
        return f"has more than {_REST_KEYS} keys"
    for name in shape.required:
        if name not in data:
            return f"lacks {name}"
    return None


_REST_KEYS = 256
_shapes: dict[type, _Shape] = {}


def _shape(of: Any) -> _Shape:
    hints = get_type_hints(of, include_extras=True)
    rest: str = getattr(of, "rest", "")
    each = [field for field in fields(of) if field.name != rest]
    lacking = (MISSING, MISSING)
    return _Shape(
        {field.name: _rule(hints[field.name]) for field in each},
        frozenset(field.name for field in each if (field.default, field.default_factory) == lacking),
        _rule(hints[rest]) if rest else None,
    )


def _rule(hint: Any) -> Rule:
    """The rule of an annotation: `Annotated[…, rule]`, or that or None."""
    if get_origin(hint) is Annotated:
        rule: Rule = get_args(hint)[1]
        return rule
    if get_origin(hint) in (Union, types.UnionType):
        (one,) = (_rule(each) for each in get_args(hint) if each is not type(None))
        return lambda value: None if value is None else one(value)
    raise TypeError(f"{hint}: not annotated with a rule")


def _kind(value: Any) -> str:
    words = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return words.get(type(value), "a number")


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
