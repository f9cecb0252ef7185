"""Regular expressions of strangers, searched for in time that is linear in the text.

Python's `re` tries one way after the other and may need a time that doubles with every character. Here a pattern is
read by Python's own parser, made into a Thompson automaton, and all ways are followed at once (a lazy DFA); so it
means exactly what `re.search` means, in any version, inside a sandbox and on the host. What no automaton can do is
refused: backreferences, look-around, conditions, atomic groups, possessive repeats.

Sources: K. Thompson, "Regular Expression Search Algorithm", CACM 11(6), 1968; R. Cox, "Regular Expression Matching Can
Be Simple And Fast", 2007.
"""

import re
import sys
from functools import lru_cache
from threading import Lock
from typing import Any

from chaos.text.automaton import At, Automaton, Char, Fork, PatternError, parse

LONGEST_TEXT = 64 * 1024
"""Characters: what a probe keeps of an answer."""
MOST_WORK = 200_000
"""Places that are visited anew for one text; some 0.1 s at worst. How long it takes otherwise does not count, so that
every machine comes to the same answer."""
MOST_GIVEN_UP = 20
"""A pattern that was too much for so many texts is not tried again: looks are many."""
MOST_KEPT = 2 * MOST_WORK
"""Work whose results are kept from one text to the next; some 30 MB at worst."""

_EMPTY_HAS_NON_BOUNDARY = sys.version_info >= (3, 14)


class TooMuch(Exception):
    """A text needs more work than any look is worth."""


_State = tuple[frozenset[int], str | None]
"""Where all ways are, and the character before when the pattern asks for it (None at the beginning)."""


class Pattern:
    """One pattern, ready to be searched for, by one thread after the other."""

    def __init__(self, pattern: str) -> None:
        """Raises PatternError."""
        self.pattern = pattern
        build = Automaton()
        try:
            parsed = parse(pattern)
            self._start = build.sequence(parsed, parsed.state.flags, build.place(None))
        except (re.error, OverflowError, RecursionError) as error:
            raise PatternError(f"not a regular expression: {error}") from error
        self._places = build.places
        self._looks_around = any(isinstance(place, At) for place in self._places)
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
    ) -> tuple[bool, list[Char], int]:
        """Whether the end is reached before `char`, the places that wait for a character, how many were visited."""
        waiting: list[Char] = []
        seen = set(state[0])
        todo = list(state[0])
        while todo:
            place = self._places[todo.pop()]
            if place is None:
                return True, [], len(seen)
            if isinstance(place, Char):
                waiting.append(place)
                continue
            if isinstance(place, Fork):
                then: tuple[int, ...] = place.to
            else:
                then = (place.then,) if _is_at(place, state[1], char, last=last, empty=empty) else ()
            for each in then:
                if each not in seen:
                    seen.add(each)
                    todo.append(each)
        return False, waiting, len(seen)


def _is_at(at: At, before: str | None, after: str | None, *, last: bool, empty: bool) -> bool:
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


@lru_cache(maxsize=128)
def pattern_of(text: str) -> Pattern:
    """The pattern, made once. Raises PatternError."""
    return Pattern(text)
