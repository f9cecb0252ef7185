"""Stop condition: a probe whose looks have been out of tolerance without a break for as long as the manifest says.

One arithmetic for experiments, whose agent looks from inside, and for game days, which look from outside: looks count
by the moments that they were meant for, and may come in any order, as overlapping looks do. A look that failed is out
of tolerance. Pure: it is fed looks and reads no clock.
"""

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.tolerances import Tolerance

_ROUNDING_S = 1e-6
"""Intended times are exact multiples of an interval up to rounding; a microsecond must not cost a whole look."""


@dataclass(slots=True)
class Unbroken:
    """How long something has gone on without a break, by the looks at it."""

    broken_at: float = float("-inf")
    _since: list[float] = field(default_factory=list)

    def take(self, at: float, *, goes_on: bool) -> float | None:
        """One look, meant for `at`; the seconds that it has gone on by now, None when it does not."""
        if not goes_on:
            self.broken_at = max(self.broken_at, at)
            self._since = [each for each in self._since if each > self.broken_at]
            return None
        if at > self.broken_at:
            insort(self._since, at)
        return self._since[-1] - self._since[0] if self._since else None


def lasted(seconds: float | None, wanted_s: float) -> bool:
    """Whether that is as long as is wanted."""
    return seconds is not None and seconds + _ROUNDING_S >= wanted_s


@dataclass(slots=True)
class StopConditionState:
    """Of one experiment, or of one game day."""

    subject: str
    """What is looked at, in words: `Probe.words`."""
    tolerance: Tolerance
    for_s: float
    _bad: Unbroken = field(default_factory=Unbroken)

    def sample(
        self, at: float, value: Mapping[str, Any] | None, error: str | None, took_s: float
    ) -> str | None:
        """Take one look; why the run or the day is to end, if it is."""
        bad = not self.tolerance.accepts(value, error, took_s)
        bad_s = self._bad.take(at, goes_on=bad)
        if not bad or bad_s is None or not lasted(bad_s, self.for_s):
            return None
        last = seen(value, error, took_s)
        return f"{self.subject} was not {self.tolerance} for {bad_s:.1f} s (the last: {last})"


def seen(value: Mapping[str, Any] | None, error: str | None, took_s: float) -> str:
    """What a look saw, in a few words."""
    if error is not None or value is None:
        return error or "nothing"
    short = {key: each for key, each in value.items() if key not in ("body", "output", "bytes")}
    return ", ".join(f"{key} {each}" for key, each in short.items()) + f" after {took_s * 1000:.0f} ms"
