"""CPU time that the machine took from the app, and which bad samples it explains.

Measured from the side (`chaos.agent.starvation`), it counts towards what was under way: a sample that would have been
in tolerance without it is no counterexample, as none is that a late probe explains. What good samples of the baseline
stood is no excuse.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from chaos.analysis.record import Record
from chaos.analysis.recovery import JudgedSample
from chaos.statistics.latencies import percentile

LEAST_S = 0.05
"""Less than this fails nobody."""
SHARE = 0.25
"""Of the time around a sample: with less of it taken it would have failed as well."""
BEFORE_S = 0.5
"""What was taken so shortly before still delays what is queued."""


class StarvationRecord:
    """What was taken, over time."""

    def __init__(self, record: Record) -> None:
        samples = [
            (event.at, float(event.data.get("taken_ms") or 0.0)) for event in record.of("usage.sampled")
        ]
        samples.sort()
        self._moments = [at for at, _ in samples]
        self._sums = list(accumulate((taken_ms / 1000 for _, taken_ms in samples), initial=0.0))

    def __bool__(self) -> bool:
        """Whether anything was taken at all."""
        return self._sums[-1] > 0

    def taken_s(self, start: float, end: float) -> float:
        """CPU seconds between two moments, each sample's spread evenly over the time since the one before."""
        return max(0.0, self._until(end) - self._until(start))

    def _until(self, at: float) -> float:
        index = bisect_right(self._moments, at)
        if index in (0, len(self._moments)):
            return self._sums[index]
        before, after = self._moments[index - 1], self._moments[index]
        return self._sums[index] + (at - before) / (after - before) * (
            self._sums[index + 1] - self._sums[index]
        )

    def around(self, look: JudgedSample, window_s: float = 0.0) -> float:
        """Seconds taken while a sample was under way and shortly before, or over what it looks back on."""
        return self.taken_s(look.at - max(BEFORE_S, window_s), look.done)

    def usual(self, good: Sequence[JudgedSample], window_s: float = 0.0) -> float:
        """What samples stand: the 95th percentile of the share of the time around good ones that was taken."""
        shares = sorted(self.around(look, window_s) / _span_s(look, window_s) for look in good)
        return percentile(shares, 0.95) or 0.0

    def explains(self, look: JudgedSample, usual: float, window_s: float = 0.0) -> bool:
        """Whether a bad sample may have been good without what was taken beyond the usual."""
        span_s = _span_s(look, window_s)
        taken_s = self.around(look, window_s) - usual * span_s
        if taken_s < max(LEAST_S, SHARE * span_s):
            return False
        return look.limit_s is None or look.took_s - taken_s <= look.limit_s


def _span_s(look: JudgedSample, window_s: float) -> float:
    """How long the time around a sample is."""
    return look.done - look.at + max(BEFORE_S, window_s)
