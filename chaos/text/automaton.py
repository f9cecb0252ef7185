"""A regular expression as a Thompson automaton: places, each of which waits for a character, forks, or is a boundary.

Python's own parser reads the pattern, and its own `re` says which single characters a place accepts; so classes, flags
and cases mean what they mean there. The parser is a private module (3.11 to 3.14), which Hypothesis uses, too.

Source: K. Thompson, "Regular Expression Search Algorithm", CACM 11(6), 1968.
"""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

MOST_PLACES = 2_000
"""Places of a pattern's automaton; `x{1000}` has a thousand."""
_parser: Any = import_module("re._parser")
_compiler: Any = import_module("re._compiler")
_REFUSED: Mapping[str, str] = {
    "ASSERT": "look-around, (?=…) or (?<=…)",
    "ASSERT_NOT": "look-around, (?!…) or (?<!…)",
    "GROUPREF": r"backreferences, \1 or (?P=name)",
    "GROUPREF_EXISTS": "conditions, (?(1)…|…)",
    "ATOMIC_GROUP": "atomic groups, (?>…)",
    "POSSESSIVE_REPEAT": "possessive repeats, x*+",
}

Accepts = Callable[[str], Any]


class PatternError(ValueError):
    """Not a regular expression, or not one that can be searched for in linear time; the words say which."""


class Char(NamedTuple):
    """One character that is accepted, then the place after it."""

    accepts: Accepts
    then: int


class Fork(NamedTuple):
    """Several places at once, without a character."""

    to: tuple[int, ...]


class At(NamedTuple):
    """A place that is passed only where `kind` is true of the characters around it."""

    kind: str
    ascii: bool
    then: int


Place = Char | Fork | At | None


class Automaton:
    """The places of one automaton, made from its end to its beginning."""

    def __init__(self) -> None:
        self.places: list[Place] = []

    def place(self, place: Place) -> int:
        """One more place; its number. Raises PatternError."""
        if len(self.places) >= MOST_PLACES:
            raise PatternError(f"too large: its repeats come to more than {MOST_PLACES:,} characters")
        self.places.append(place)
        return len(self.places) - 1

    def sequence(self, items: Any, flags: int, then: int) -> int:
        """One after the other; where to begin. Raises PatternError."""
        for operation, argument in reversed(list(items)):
            then = self._one(str(operation), operation, argument, flags, then)
        return then

    def _one(self, name: str, operation: Any, argument: Any, flags: int, then: int) -> int:
        if name in _REFUSED:
            raise PatternError(f"{_REFUSED[name]} cannot be searched for in linear time")
        match name:
            case "BRANCH":
                ways = [self.sequence(each, flags, then) for each in argument[1]]
                return self.place(Fork(tuple(ways)))
            case "SUBPATTERN":
                _, add, leave_out, inner = argument
                return self.sequence(inner, _combined(flags, add, leave_out), then)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, inner = argument
                return self._repeat(least, most, inner, flags, then)
            case "AT":
                return self.place(At(_kind(str(argument), flags), bool(flags & re.ASCII), then))
        return self.place(Char(_accepting(operation, argument, flags), then))

    def _repeat(self, least: Any, most: Any, inner: Any, flags: int, then: int) -> int:
        if most is _parser.MAXREPEAT or int(most) >= int(_parser.MAXREPEAT):
            loop = self.place(None)
            self.places[loop] = Fork((self.sequence(inner, flags, loop), then))
            then = loop
        else:
            end = then
            for _ in range(int(most) - int(least)):
                then = self.place(Fork((self.sequence(inner, flags, then), end)))
        for _ in range(int(least)):
            before = len(self.places)
            then = self.sequence(inner, flags, then)
            if len(self.places) == before:  # nothing, however often
                break
        return then


def _combined(flags: int, add: int, leave_out: int) -> int:
    """As Python's own compiler does it for (?i:…) and (?-i:…)."""
    kinds = int(_parser.TYPE_FLAGS)
    return ((flags & ~kinds if add & kinds else flags) | add) & ~leave_out


def _kind(kind: str, flags: int) -> str:
    lines = bool(flags & re.MULTILINE)
    plain = {
        "AT_BEGINNING": "AT_BEGINNING_LINE" if lines else "AT_BEGINNING_STRING",
        "AT_END": "AT_END_LINE" if lines else "AT_END",
    }
    return plain.get(kind, kind)


def _accepting(operation: Any, argument: Any, flags: int) -> Accepts:
    """Whether one character is accepted: Python's own `re` says so, of a pattern that is one character long."""
    if str(operation) == "LITERAL" and not flags & re.IGNORECASE:
        return chr(argument).__eq__
    state = _parser.State()
    state.flags = flags
    accepts: Accepts = _compiler.compile(_parser.SubPattern(state, [(operation, argument)]), flags).fullmatch
    return accepts


def parse(pattern: str) -> Any:
    """As Python reads it: items, and flags in `state`. Raises re.error, OverflowError, RecursionError."""
    return _parser.parse(pattern)
