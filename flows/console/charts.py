"""The numbers of a run as columns for charts, thinned as its report is: no spike is lost."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from chaos.analysis.chart import ChartSeries, series
from chaos.analysis.result import Result
from chaos.analysis.trials import shown
from chaos.errors import ChaosLabError
from chaos.events import Event, segments
from chaos.runs.directory import Run
from chaos.text.inert import inert
from flows.console import answers
from flows.console.malformed import MALFORMED
from flows.console.problems import Refused

Points = Sequence[tuple[float, float]]
_LINE_UP_TO = 16_384


def events_of(run: Run) -> list[Event]:
    """Everything that its journal holds. Raises Refused."""
    try:
        return list(run.journal.events())
    except ChaosLabError as error:
        raise Refused("conflict", f"its journal cannot be read: {error}") from error


def series_of(run: Run, result: Result | None, points: int) -> answers.Series:
    """The charts of a run: of the trial that its result is about, or of the one under way. Raises Refused."""
    events: Sequence[Event] = events_of(run)
    if not events:
        raise Refused("not-finished", "its journal has not begun", retry_after_s=1)
    try:
        return columns(series(shown(list(events), result) if result else segments(events)[-1]), points)
    except MALFORMED as error:
        raise Refused("conflict", "its journal says what no journal of ChaosLab does") from error


def columns(found: ChartSeries, points: int) -> answers.Series:
    """As it is answered: times from the start on, at most four points in each of `points` columns."""

    def thin(values: Points) -> list[tuple[float, float]]:
        return _thinned(
            [(round(at - found.start, 3), value) for at, value in values], found.end - found.start, points
        )

    def spans(values: Iterable[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
        return [(name, round(a - found.start, 3), round(b - found.start, 3)) for name, a, b in values]

    return answers.Series(
        start=found.start,
        end=found.end,
        bucket_s=found.bucket_s,
        phases=spans(found.phases),
        faults=spans(found.faults),
        latency_p50=thin(found.latency_p50),
        latency_p95=thin(found.latency_p95),
        error_rate=thin(found.error_rate),
        throughput=thin(found.throughput),
        cpu=thin(found.cpu),
        memory=thin(found.memory),
        disk={inert(path): thin(values) for path, values in found.disk.items()},
        probes=[
            (name, [(round(at - found.start, 3), took, good) for at, took, good in looks])
            for name, looks in found.probes
        ],
    )


def _thinned(points: list[tuple[float, float]], length_s: float, columns: int) -> list[tuple[float, float]]:
    """The first, lowest, highest and last point of each column."""
    if len(points) <= columns or length_s <= 0:
        return points
    kept: list[tuple[float, float]] = []
    for _, group in groupby(points, key=lambda point: int(point[0] / length_s * columns)):
        column = list(group)
        low, high = min(column, key=lambda p: p[1]), max(column, key=lambda p: p[1])
        kept += sorted({column[0], low, high, column[-1]})
    return kept


def shown_line(text: object) -> str:
    """A line of an app: no control character of it reaches a page."""
    return inert(str(text or "")[:_LINE_UP_TO])


def numbers_beside(a: Result, b: Result) -> list[answers.NumberBeside]:
    """The numbers of two runs, and what changed."""
    one, other = _numbers(a), _numbers(b)
    return [
        answers.NumberBeside(name=name, a=one[name], b=other[name], change=_change(one[name], other[name]))
        for name in one
    ]


def _change(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else b - a


def _numbers(result: Result) -> dict[str, float | None]:
    load, found = result.load.get("fault"), result.analysis.metrics if result.analysis else None
    return {
        "latency_p95_s": load.p95 if load else None,
        "latency_p50_s": load.p50 if load else None,
        "error_rate": load.error_rate if load else None,
        "throughput": load.throughput if load else None,
        "recovery_time_s": found.recovery_time_seconds if found else None,
        "cpu_peak_percent": result.usage.cpu_peak_percent,
        "memory_peak_percent": result.usage.memory_peak_percent,
    }
