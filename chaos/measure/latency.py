"""What the load saw: percentiles, errors, throughput, and how punctual the generator itself was.

Percentiles are nearest-rank: the smallest recorded value that at least q of all requests do not exceed; no
value is interpolated. Latency is from the intended send time to the whole answer, and a request belongs to
the phase of that time. A failed one counts as the longer of what it took and the client's timeout: a refused
connection fails in a millisecond, and leaving it out would let an outage look fast. What never left the generator
(too late, or no socket left) is not the target's failure: it counts as not sent.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from operator import attrgetter
from typing import Any, NamedTuple

from chaos.events import Event
from chaos.measure.intervals import quantile_interval
from chaos.measure.record import Record
from chaos.measure.result import LoadSummary
from chaos.shares import HICCUP_S, clumping

DEFAULT_TIMEOUT_S = 2.0
OWN_FAILURES = frozenset({"late", "exhausted"})
"""The generator was too late to send it, or had no socket left."""


class Request(NamedTuple):
    """One request of the load."""

    at: float
    """Intended send time."""
    took_s: float
    """From then to the whole answer, or to giving up."""
    late_s: float
    """How much later than intended it was sent."""
    failure: str | None
    """`timeout`, `refused`, `http_503`, …; None for a good answer."""
    counted_s: float
    """What it counts as in percentiles: `took_s`, and at least the timeout when it failed."""
    sent: bool
    """False when it never left, for a reason of the generator's own."""


def requests(record: Record) -> list[Request]:
    """All requests of a run, by intended send time."""
    timeout_s = float((record.plan.get("load") or {}).get("timeout_s") or DEFAULT_TIMEOUT_S)
    found = [request_of(event, timeout_s) for event in record.of("load.sampled")]
    return sorted(found, key=attrgetter("at"))


def request_of(event: Event, timeout_s: float) -> Request:
    """One `load.sampled`."""
    data = event.data
    took_s = float(data.get("took_ms") or 0.0) / 1000
    failure = _failure(data)
    counted_s = took_s if failure is None else max(took_s, timeout_s)
    late_s = float(data.get("late_ms") or 0.0) / 1000
    return Request(event.at, took_s, late_s, failure, counted_s, data.get("error") not in OWN_FAILURES)


def _failure(data: Mapping[str, Any]) -> str | None:
    """An error, no status at all, or a status of 400 and above."""
    error, status = data.get("error"), data.get("status")
    if error:
        return str(error)
    if not isinstance(status, int):
        return "no answer"
    return f"http_{status}" if status >= 400 else None


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile of sorted values; None of nothing."""
    # The tiny amount keeps 0.95 * 20 = 19.000000000000004 at rank 19.
    return ordered[max(0, ceil(share * len(ordered) - 1e-9) - 1)] if ordered else None


def told(ordered: Sequence[float], share: float) -> float | None:
    """A percentile of enough values to have one: of 20 the 95th, of 100 the 99th. Of fewer it is only the largest."""
    return percentile(ordered, share) if len(ordered) * (1 - share) >= 1 - 1e-9 else None


def _clumping(sent: Sequence[Request], length_s: float, is_so: Callable[[Request], bool]) -> float:
    if not sent or length_s <= 0:
        return 1.0
    return clumping([is_so(request) for request in sent], HICCUP_S * len(sent) / length_s)


def summarise(found: Sequence[Request], length_s: float) -> LoadSummary:
    """The load of a span of `length_s` seconds."""
    sent = [request for request in found if request.sent]
    counted = sorted(request.counted_s for request in sent)
    errors = sum(request.failure is not None for request in sent)
    clumped = _clumping(sent, length_s, lambda request: request.failure is not None)
    p95 = told(counted, 0.95)
    slow = _clumping(sent, length_s, lambda request: p95 is not None and request.counted_s >= p95)
    bounds = quantile_interval(counted, 0.95, slow) if p95 is not None else None
    return LoadSummary(
        sent=len(sent),
        errors=errors,
        error_rate=errors / len(sent) if sent else 0.0,
        p50=percentile(counted, 0.50),
        p95=p95,
        p95_low=bounds[0] if bounds else None,
        p95_high=bounds[1] if bounds else None,
        p99=told(counted, 0.99),
        independent=max(1, round(len(sent) / clumped)) if sent else 0,
        throughput=(len(sent) - errors) / length_s if length_s > 0 else 0.0,
        lateness_p99_s=percentile(sorted(request.late_s for request in found), 0.99),
    )


def failures(found: Sequence[Request]) -> list[tuple[str, int]]:
    """What went wrong and how often, most frequent first."""
    return Counter(each.failure for each in found if each.sent and each.failure is not None).most_common()
