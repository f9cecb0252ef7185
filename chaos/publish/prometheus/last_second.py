"""The requests of the last second: quantiles of their latency, the share that failed, good answers.

A quantile takes so many requests that it is not merely the slowest of them: p95 20, p99 100. Where a second has fewer
it is of the last so many, at most 5 s long; of fewer there is none.

A request belongs to the second in which it ended, as for the live metrics of steady states: only then is it known what
became of it. (The report, which is drawn afterwards, puts it where it was meant to be sent.)
"""

from collections import deque
from collections.abc import Sequence
from math import ceil
from operator import itemgetter
from typing import NamedTuple

from chaos.analysis.latency import told
from chaos.statistics.latencies import Request, percentile, population

LENGTH_S = 1.0
LONGEST_S = 5.0
QUANTILES = {"0.5": 0.50, "0.95": 0.95, "0.99": 0.99}


class Second(NamedTuple):
    """What one second was like."""

    latency_s: dict[str, float]
    """Quantile -> seconds; empty when there were nothing but failures."""
    error_ratio: float
    good_per_s: float


class LastSecond:
    """Add requests as they end; `at` gives the second before a moment, moments only forward. Unix seconds."""

    def __init__(self) -> None:
        self._ended: deque[tuple[float, Request]] = deque()

    def add(self, request: Request) -> None:
        """One that has ended."""
        if request.sent:
            self._ended.append((request.at + request.took_s, request))

    def at(self, moment: float) -> Second | None:
        """None when no request ended in it."""
        while self._ended and self._ended[0][0] <= moment - LONGEST_S:
            self._ended.popleft()
        seen = ((at, request) for at, request in self._ended if moment - LONGEST_S < at <= moment)
        ended = sorted(seen, key=itemgetter(0))
        recent = [request for at, request in ended if at > moment - LENGTH_S]
        if not recent:
            return None
        failed = sum(request.failure is not None for request in recent)
        answers = any(request.has_latency for request in recent)
        before = [request for _, request in ended] if answers else []
        quantiles = {name: _told(before, len(recent), share) for name, share in QUANTILES.items()}
        return Second(
            {name: value for name, value in quantiles.items() if value is not None},
            failed / len(recent),
            (len(recent) - failed) / LENGTH_S,
        )


def _told(before: Sequence[Request], recent: int, share: float) -> float | None:
    found = population(before[-max(recent, ceil(1 / (1 - share) - 1e-9)) :], share)
    return told(found, share) if share > 0.5 else percentile(found, share)
