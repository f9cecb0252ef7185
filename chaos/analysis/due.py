"""The requests that a run's load owed: drawn again as the agent drew them, so that none can be missing by chance."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.analysis.record import Record
from chaos.statistics import point_process


@dataclass(frozen=True, slots=True)
class Due:
    """When requests were due: by their drawn moments, or (evenly spaced, as in older journals) by the rate alone."""

    rate_per_s: float = 0.0
    moments: Sequence[float] | None = None
    """Unix seconds, ascending."""

    @classmethod
    def of(cls, record: Record) -> "Due":
        """Of the load of a run. The rate is the plan's: no journal makes us draw more than a manifest may ask for."""
        rate_per_s = record.plan.load.rate_per_s if record.plan.load else 0.0
        started = record.first("load.started")
        seed = started.data.get("seed") if started else None
        if started is None or not isinstance(seed, int) or started.data.get("arrivals") != "poisson":
            return cls(rate_per_s)
        end = max((event.at for event in record.of("phase.ended")), default=started.at)
        drawn = point_process.until(end - started.at, "poisson", rate_per_s, seed) if rate_per_s > 0 else []
        return cls(rate_per_s, [started.at + moment for moment in drawn])

    def between(self, start: float, end: float) -> float:
        """How many were due from `start` to `end`; 0 of a span that ends before it starts."""
        if end <= start:
            return 0.0
        if self.moments is None:
            return self.rate_per_s * (end - start)
        return float(bisect_left(self.moments, end) - bisect_left(self.moments, start))
