"""What the load saw: percentiles, errors, throughput, and how punctual the generator itself was.

Percentiles are nearest-rank: the smallest recorded value that at least q of the requests do not exceed; no
value is interpolated. Latency is from the intended send time to the whole answer, and a request belongs to
the phase of that time. Which requests have a latency is said in `chaos.statistics.latencies`. What never left the
generator
(too late, or no socket left) is not the target's failure: it counts as not sent.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple

from chaos.analysis.intervals import quantile_interval
from chaos.analysis.record import Record
from chaos.analysis.result import LoadSummary
from chaos.statistics.latencies import DEFAULT_TIMEOUT_S, TIMEOUT, Request, percentile, population, request_of
from chaos.statistics.shares import HICCUP_S, clumping


def requests(record: Record) -> list[Request]:
    """All requests of a run, by intended send time."""
    timeout_s = float((record.plan.get("load") or {}).get("timeout_s") or DEFAULT_TIMEOUT_S)
    found = [request_of(event.at, event.data, timeout_s) for event in record.of("load.sampled")]
    return sorted(found, key=attrgetter("at"))


def told(ordered: Sequence[float], share: float) -> float | None:
    """A percentile of enough values to have one: of 20 the 95th, of 100 the 99th. Of fewer it is only the largest."""
    return percentile(ordered, share) if len(ordered) * (1 - share) >= 1 - 1e-9 else None


def _clumping(sent: Sequence[Request], length_s: float, is_so: Callable[[Request], bool]) -> float:
    if not sent or length_s <= 0:
        return 1.0
    return clumping([is_so(request) for request in sent], HICCUP_S * len(sent) / length_s)


class PercentileInterval(NamedTuple):
    """A percentile and its 95 % interval between two of the requests; None: too few for one."""

    value: float | None
    low: float | None = None
    high: float | None = None


def _known(sent: Sequence[Request], length_s: float, share: float) -> PercentileInterval:
    ordered = population(sent, share)
    value = told(ordered, share) if share > 0.5 else percentile(ordered, share)
    if value is None:
        return PercentileInterval(None)
    slow = _clumping(sent, length_s, lambda request: request.counted_s >= value)
    bounds = quantile_interval(ordered, share, slow)
    return PercentileInterval(value, *bounds) if bounds else PercentileInterval(value)


def summarise(found: Sequence[Request], length_s: float) -> LoadSummary:
    """The load of a span of `length_s` seconds."""
    sent = [request for request in found if request.sent]
    errors = sum(request.failure is not None for request in sent)
    clumped = _clumping(sent, length_s, lambda request: request.failure is not None)
    p50, p95, p99 = (_known(sent, length_s, share) for share in (0.50, 0.95, 0.99))
    failing = sorted(request.counted_s for request in sent)
    return LoadSummary(
        sent=len(sent),
        errors=errors,
        error_rate=errors / len(sent) if sent else 0.0,
        p50=p50.value,
        p50_low=p50.low,
        p50_high=p50.high,
        p95=p95.value,
        p95_low=p95.low,
        p95_high=p95.high,
        p99=p99.value,
        p99_low=p99.low,
        p99_high=p99.high,
        answered=len(population(sent, 0.50)),
        independent=max(1, round(len(sent) / clumped)) if sent else 0,
        throughput=(len(sent) - errors) / length_s if length_s > 0 else 0.0,
        lateness_p99_s=percentile(sorted(request.late_s for request in found), 0.99),
        timeouts=sum(request.failure == TIMEOUT for request in sent),
        p50_with_failures=percentile(failing, 0.50),
        p95_with_failures=told(failing, 0.95),
        p99_with_failures=told(failing, 0.99),
    )


def failures(found: Sequence[Request]) -> list[tuple[str, int]]:
    """What went wrong and how often, most frequent first."""
    return Counter(each.failure for each in found if each.sent and each.failure is not None).most_common()
