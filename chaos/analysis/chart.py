"""A run as plain data for charts: points of (Unix seconds, value), few enough to draw, extremes kept.

Latency is drawn by request while there are few, and always as p95 of the last second, or of the last 20 requests where
that has fewer (of less than 5 s), every 250 ms, or so much longer that no series has more than 600 buckets. Usage is
thinned to the highest sample of a bucket, never to an average: a peak stays a peak.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from operator import attrgetter
from typing import NamedTuple, TypeVar

from chaos.analysis.latency import requests, told
from chaos.analysis.looks import PlannedSteadyState, looks_of
from chaos.analysis.record import Record
from chaos.analysis.recovery import JudgedSample
from chaos.analysis.timeline import Timeline
from chaos.analysis.usage import disk_percent
from chaos.events import Event
from chaos.statistics.latencies import Request, percentile, population

T = TypeVar("T")
Points = list[tuple[float, float]]

BUCKET_S = 0.25
WINDOW_S = 1.0
LONGEST_S = 5.0
OF_P95 = 20
"""Of fewer the 95th percentile is merely the slowest."""
MOST_BUCKETS = 600
MOST_POINTS = 3000
_AT = attrgetter("at")


@dataclass(slots=True)
class ChartSeries:
    """Everything a chart of one run may show. Times are Unix seconds."""

    start: float = 0.0
    end: float = 0.0
    bucket_s: float = BUCKET_S
    phases: list[tuple[str, float, float]] = field(default_factory=list)
    """(phase, from, to)."""
    faults: list[tuple[str, float, float]] = field(default_factory=list)
    """(step, from, to): when its fault was in place."""
    latency: list[tuple[float, float, bool]] = field(default_factory=list)
    """(intended send time, seconds, good) of requests; when there are too many, of each bucket the failed ones and
    some from the fastest to the slowest."""
    latency_p50: Points = field(default_factory=list)
    latency_p95: Points = field(default_factory=list)
    """Seconds, of 20 answers and timeouts or more; none where nothing but failures was sent."""
    error_rate: Points = field(default_factory=list)
    """Share of the last second's requests."""
    throughput: Points = field(default_factory=list)
    """Good answers per second."""
    cpu: Points = field(default_factory=list)
    """Percent of one core."""
    memory: Points = field(default_factory=list)
    """Percent of the sandbox's limit."""
    disk: dict[str, Points] = field(default_factory=dict)
    """Path -> percent full."""
    probes: list[tuple[str, list[tuple[float, float, bool]]]] = field(default_factory=list)
    """(steady state, [(intended time, seconds it took, good)])."""


def series(events: Sequence[Event], bucket_s: float | None = None) -> ChartSeries:
    """The chart data of the run that wrote these events; in buckets of that length, when one is given."""
    record = Record(events)
    timeline = Timeline(record)
    start, end = _range(record, timeline)
    bucket_s = bucket_s or max(BUCKET_S, (end - start) / MOST_BUCKETS)
    shown = ChartSeries(start=start, end=end, bucket_s=bucket_s)
    shown.phases = [(each.name, each.start, each.end) for each in timeline.spans]
    shown.faults = [
        (window.step, window.injected_at, window.recovered_at or end)
        for window in timeline.windows.values()
        if window.injected_at is not None
    ]
    _add_load(shown, [request for request in requests(record) if request.sent and start <= request.at <= end])
    _add_usage(shown, [event for event in record.of("usage.sampled") if start <= event.at <= end])
    asked = [PlannedSteadyState.read(state) for state in record.plan.steady_state]
    looks = looks_of(record, asked)
    shown.probes = [(state.name, _strip(looks.get(state.name, []), start, bucket_s)) for state in asked]
    return shown


def _range(record: Record, timeline: Timeline) -> tuple[float, float]:
    if timeline.spans:
        return timeline.spans[0].start, timeline.spans[-1].end
    return record.begin, record.end


def _buckets(
    items: Iterable[T], at: Callable[[T], float], start: float, bucket_s: float
) -> list[tuple[float, list[T]]]:
    """Items by bucket, in order; each bucket is named by its middle."""
    found: dict[int, list[T]] = {}
    for item in items:
        found.setdefault(int((at(item) - start) / bucket_s), []).append(item)
    return [(start + (index + 0.5) * bucket_s, found[index]) for index in sorted(found)]


def _add_load(shown: ChartSeries, found: Sequence[Request]) -> None:
    shown.latency = [(each.at, each.took_s, each.failure is None) for each in _telling(found, shown)]
    for index in range(ceil((shown.end - shown.start) / shown.bucket_s)):
        at = min(shown.start + (index + 1) * shown.bucket_s, shown.end)
        if (second := second_before(found, shown.start, at, max(WINDOW_S, shown.bucket_s))) is None:
            continue
        if second.p50 is not None:
            shown.latency_p50.append((at, second.p50))
        if second.p95 is not None:
            shown.latency_p95.append((at, second.p95))
        shown.error_rate.append((at, second.errors))
        shown.throughput.append((at, second.throughput))


class RequestWindow(NamedTuple):
    """The requests of a second, or of so long a window: seconds, seconds, a share, good answers a second."""

    p50: float | None
    p95: float | None
    errors: float
    throughput: float


def second_before(
    found: Sequence[Request], begin: float, at: float, window_s: float = WINDOW_S
) -> RequestWindow | None:
    """What the window before a moment was like, of requests in their order; None when nothing was sent in it."""
    since = max(begin, at - window_s)
    first, until = bisect_left(found, since, key=_AT), bisect_left(found, at, key=_AT)
    if first == until:
        return None
    earliest = bisect_left(found, max(begin, at - max(window_s, LONGEST_S)), key=_AT)
    window, more = found[first:until], found[max(earliest, min(first, until - OF_P95)) : until]
    errors = sum(request.failure is not None for request in window)
    median_s = percentile(population(window, 0.50), 0.50)
    p95_s = None if median_s is None else told(population(more, 0.95), 0.95)
    return RequestWindow(median_s, p95_s, errors / len(window), (len(window) - errors) / (at - since))


def _telling(found: Sequence[Request], shown: ChartSeries) -> Sequence[Request]:
    """As many requests as can be drawn, from every part of the run alike: picking the slowest overall would leave the
    quiet phases empty."""
    if len(found) <= MOST_POINTS:
        return found
    buckets = _buckets(found, lambda request: request.at, shown.start, shown.bucket_s)
    share = max(2, MOST_POINTS // len(buckets))
    return [request for _, bucket in buckets for request in _spread(bucket, share)]


def _spread(bucket: Sequence[Request], most: int) -> list[Request]:
    """The failed requests of a bucket and at most `most` of the others, evenly from the fastest to the
    slowest."""
    good = sorted((each for each in bucket if each.failure is None), key=lambda each: each.took_s)
    step = max(1.0, (len(good) - 1) / max(1, most - 1))
    kept = {round(index * step) for index in range(most)}
    failed = [each for each in bucket if each.failure is not None]
    return sorted(failed + [each for index, each in enumerate(good) if index in kept])


def _add_usage(shown: ChartSeries, samples: Sequence[Event]) -> None:
    disk: dict[str, Points] = {}
    for middle, bucket in _buckets(samples, lambda event: event.at, shown.start, shown.bucket_s):
        for key, points in (("cpu_percent", shown.cpu), ("memory_percent", shown.memory)):
            values = [value for event in bucket if (value := event.data.get(key)) is not None]
            if values:
                points.append((middle, float(max(values))))
        for path, full in _fullest(bucket).items():
            disk.setdefault(path, []).append((middle, full))
    shown.disk = disk


def _fullest(bucket: Sequence[Event]) -> dict[str, float]:
    highest: dict[str, float] = {}
    for event in bucket:
        for path, full in disk_percent(event.data).items():
            highest[path] = max(full, highest.get(path, 0.0))
    return highest


def _strip(looks: Sequence[JudgedSample], start: float, bucket_s: float) -> list[tuple[float, float, bool]]:
    """Every look while there are few; else one a bucket, the worst."""
    if len(looks) > MOST_POINTS:
        grouped = _buckets(looks, lambda look: look.at, start, bucket_s)
        looks = [min(bucket, key=lambda look: (look.good, -look.took_s)) for _, bucket in grouped]
    return [(look.at, look.took_s, look.good) for look in looks]
