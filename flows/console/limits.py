"""How much one may ask for: a bucket for each, which fills by the second and is emptied by requests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from time import monotonic

_MOST = 10_000
"""Buckets that are remembered; the fullest say nothing and are forgotten first."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and so many at once."""

    per_s: float
    burst: float


READS = Rate(50.0, 200.0)
STARTS = Rate(10 / 60, 10.0)
FAILURES = Rate(5 / 60, 5.0)


@dataclass(slots=True)
class Buckets:
    """One for each name of something that is limited."""

    rate: Rate
    clock: Callable[[], float] = monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, name: str) -> int | None:
        """Take one; None when there was one, else after how many seconds there is one again."""
        left = self._now(name)
        if left < 1.0:
            self._left[name] = (left, self.clock())
            return max(1, ceil((1.0 - left) / self.rate.per_s))
        self._left[name] = (left - 1.0, self.clock())
        self._forget()
        return None

    def is_empty(self, name: str) -> int | None:
        """As `take`, without taking."""
        left = self._now(name)
        return None if left >= 1.0 else max(1, ceil((1.0 - left) / self.rate.per_s))

    def _now(self, name: str) -> float:
        left, at = self._left.get(name, (self.rate.burst, self.clock()))
        return min(self.rate.burst, left + (self.clock() - at) * self.rate.per_s)

    def _forget(self) -> None:
        if len(self._left) > _MOST:
            del self._left[max(self._left, key=self._now)]
