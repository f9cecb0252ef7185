"""Regular expressions of strangers, searched for in time that is linear in the text.

Python's `re` tries one way after the other and may need a time that doubles with every character. Here a pattern is
read by Python's own parser, made into a Thompson automaton, and all ways are followed at once (a lazy DFA); so it
means exactly what `re.search` means, in any version, inside a sandbox and on the host. What no automaton can do is
refused: backreferences, look-around, conditions, atomic groups, possessive repeats.

Sources: K. Thompson, "Regular Expression Search Algorithm", CACM 11(6), 1968; R. Cox, "Regular Expression Matching Can
Be Simple And Fast", 2007. The parser is a private module of Python (3.11 to 3.14), which Hypothesis uses, too.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from threading import Lock
from typing import Any, NamedTuple

LONGEST_TEXT = 64 * 1024
"""Characters: what a probe keeps of an answer."""
MOST_PLACES = 2_000
"""Places of a pattern's automaton; `x{1000}` has a thousand."""
MOST_WORK = 200_000
"""Places that are visited anew for one text; some 0.1 s at worst. How long it takes otherwise does not count, so that
every machine comes to the same answer."""
MOST_GIVEN_UP = 20
"""A pattern that was too much for so many texts is not tried again: looks are many."""
MOST_KEPT = 2 * MOST_WORK
"""Work whose results are kept from one text to the next; some 30 MB at worst."""

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
_EMPTY_HAS_NON_BOUNDARY = sys.version_info >= (3, 14)

Accepts = Callable[[str], Any]


class PatternError(ValueError):
    """Not a regular expression, or not one that can be searched for in linear time; the words say which."""


class TooMuch(Exception):
    """A text needs more work than any look is worth."""


class _Char(NamedTuple):
    """One character that is accepted, then the place after it."""

    accepts: Accepts
    then: int


class _Fork(NamedTuple):
    """Several places at once, without a character."""

    to: tuple[int, ...]


class _At(NamedTuple):
    """A place that is passed only where `kind` is true of the characters around it."""

    kind: str
    ascii: bool
    then: int


_Place = _Char | _Fork | _At | None
_State = tuple[frozenset[int], str | None]
"""Where all ways are, and the character before when the pattern asks for it (None at the beginning)."""


class Pattern:
    """One pattern, ready to be searched for, by one thread after the other."""

    def __init__(self, pattern: str) -> None:
        """Raises PatternError."""
        self.pattern = pattern
        build = _Build()
        try:
            parsed = _parser.parse(pattern)
            self._start = build.sequence(parsed, parsed.state.flags, build.place(None))
        except (re.error, OverflowError, RecursionError) as error:
            raise PatternError(f"not a regular expression: {error}") from error
        self._places = build.places
        self._looks_around = any(isinstance(place, _At) for place in self._places)
        self._known: dict[tuple[_State, str, bool], list[Any]] = {}
        self._states: dict[_State, dict[str, list[Any]]] = {}
        self._call = self._work = self._kept = self._given_up = 0
        self._last: tuple[str, bool] | None = None
        self._turn = Lock()

    def found_in(self, text: str) -> bool:
        """What `re.search` says of that text. Raises TooMuch."""
        if len(text) > LONGEST_TEXT:
            raise TooMuch(f"the text has {len(text):,} characters, more than {LONGEST_TEXT:,}")
        with self._turn:
            if self._given_up >= MOST_GIVEN_UP:
                raise TooMuch(f"the pattern needed too much work for {MOST_GIVEN_UP} texts")
            if self._last is None or self._last[0] != text:
                self._last = (text, self._search(text))
            return self._last[1]

    def _search(self, text: str) -> bool:
        if self._kept > MOST_KEPT:
            self._kept = 0
            self._known.clear()
            self._states.clear()
        self._call += 1
        self._work = 0
        state: _State = (frozenset((self._start,)), None)
        steps = self._states.setdefault(state, {})
        for char in text[:-1]:
            step = steps.get(char)
            if step is None or step[2] != self._call:
                step = self._step(state, char, last=False)
            if step[0] is None:
                return True
            state, steps = step[0], step[1]
        if text:
            step = self._step(state, text[-1], last=True)
            if step[0] is None:
                return True
            state = step[0]
        return self._reached(state, None, last=False, empty=not text)[0]

    def _step(self, state: _State, char: str, *, last: bool) -> list[Any]:
        """[the next state, its own steps, the text it was last made for]; None for a state when the pattern is found.

        What was known from an earlier text counts as work as if it were not.
        """
        step = self._known.get((state, char, last))
        if step is None:
            found, places, visited = self._reached(state, char, last=last)
            if found:
                step = [None, None, 0, visited]
            else:
                then = frozenset(place.then for place in places if place.accepts(char)) | {self._start}
                after: _State = (then, char if self._looks_around else None)
                step = [after, self._states.setdefault(after, {}), 0, visited]
            self._kept += visited
            self._known[state, char, last] = step
            if not last:
                self._states[state][char] = step
        step[2] = self._call
        self._charge(step[3])
        return step

    def _charge(self, visited: int) -> None:
        self._work += visited
        if self._work > MOST_WORK:
            self._given_up += 1
            raise TooMuch("the pattern needs too much work for this text")

    def _reached(
        self, state: _State, char: str | None, *, last: bool, empty: bool = False
    ) -> tuple[bool, list[_Char], int]:
        """Whether the end is reached before `char`, the places that wait for a character, how many were visited."""
        waiting: list[_Char] = []
        seen = set(state[0])
        todo = list(state[0])
        while todo:
            place = self._places[todo.pop()]
            if place is None:
                return True, [], len(seen)
            if isinstance(place, _Char):
                waiting.append(place)
                continue
            if isinstance(place, _Fork):
                then: Iterable[int] = place.to
            else:
                then = (place.then,) if _is_at(place, state[1], char, last=last, empty=empty) else ()
            for each in then:
                if each not in seen:
                    seen.add(each)
                    todo.append(each)
        return False, waiting, len(seen)


def _is_at(at: _At, before: str | None, after: str | None, *, last: bool, empty: bool) -> bool:
    """Whether a place between two characters is of that kind; `last`: the one after it is the text's last."""
    match at.kind:
        case "AT_BEGINNING_STRING":
            return before is None
        case "AT_BEGINNING_LINE":
            return before is None or before == "\n"
        case "AT_END":
            return after is None or (last and after == "\n")
        case "AT_END_LINE":
            return after is None or after == "\n"
        case "AT_END_STRING":
            return after is None
    boundary = _is_word(before, at.ascii) != _is_word(after, at.ascii)
    if at.kind == "AT_BOUNDARY":
        return boundary
    return not boundary and (not empty or _EMPTY_HAS_NON_BOUNDARY)


def _is_word(char: str | None, only_ascii: bool) -> bool:
    return char is not None and (char == "_" or (char.isalnum() and (char.isascii() or not only_ascii)))


class _Build:
    """The places of one automaton, made from its end to its beginning."""

    def __init__(self) -> None:
        self.places: list[_Place] = []

    def place(self, place: _Place) -> int:
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
                return self.place(_Fork(tuple(ways)))
            case "SUBPATTERN":
                _, add, leave_out, inner = argument
                return self.sequence(inner, _combined(flags, add, leave_out), then)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, inner = argument
                return self._repeat(least, most, inner, flags, then)
            case "AT":
                return self.place(_At(_kind(str(argument), flags), bool(flags & re.ASCII), then))
        return self.place(_Char(_accepting(operation, argument, flags), then))

    def _repeat(self, least: Any, most: Any, inner: Any, flags: int, then: int) -> int:
        if most is _parser.MAXREPEAT or int(most) >= int(_parser.MAXREPEAT):
            loop = self.place(None)
            self.places[loop] = _Fork((self.sequence(inner, flags, loop), then))
            then = loop
        else:
            end = then
            for _ in range(int(most) - int(least)):
                then = self.place(_Fork((self.sequence(inner, flags, then), end)))
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


@lru_cache(maxsize=128)
def pattern_of(text: str) -> Pattern:
    """The pattern, made once. Raises PatternError."""
    return Pattern(text)
