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
UPLOADS = Rate(20e6, 40e6)
"""Bytes, as they come over the wire."""


@dataclass(slots=True)
class Buckets:
    """One for each name of something that is limited."""

    rate: Rate
    clock: Callable[[], float] = monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, name: str, many: float = 1.0) -> int | None:
        """Take so many; None when there were, else after how many seconds there are again."""
        left, many = self._now(name), min(many, self.rate.burst)
        if left < many:
            self._left[name] = (left, self.clock())
            return max(1, ceil((many - left) / self.rate.per_s))
        self._left[name] = (left - many, self.clock())
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
