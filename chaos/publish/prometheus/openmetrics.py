"""Samples as text: OpenMetrics, of which `promtool tsdb create-blocks-from openmetrics` makes blocks of a Prometheus;
or the older text format of Prometheus, which `promtool check metrics` reads.

Sources: the OpenMetrics specification 1.0 (families one after the other, samples of a series in the order of time,
times in seconds, a counter named without its `_total`, `# EOF` last); Prometheus, "Exposition formats", text format
0.0.4 (times in whole milliseconds, a counter named with its `_total`, no units). A stale marker cannot be written in
either: NaN stands where a gauge or a quantile ends, which max() and min() pass over. A counter must not be NaN: it
just ends.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Literal

from chaos.analysis.judgement import judge
from chaos.errors import ChaosLabError
from chaos.publish.prometheus.conclusion import conclusion
from chaos.publish.prometheus.families import FINAL, LIVE, MOST_SERIES, Family
from chaos.publish.prometheus.projection import Projection
from chaos.publish.prometheus.samples import STALE, Labels, MetricSeries, Sample
from chaos.runs.journal import Journal

Format = Literal["openmetrics", "prometheus"]


def of_journal(path: Path, form: Format = "openmetrics") -> list[str]:
    """All of a run: what it measured, and what its result says. Raises ChaosLabError."""
    events = list(Journal(path).events())
    if not any(event.type == "run.started" for event in events):
        raise ChaosLabError(f"{path}: no run.started in it, with which a journal begins")
    projection = Projection()
    samples = [sample for event in events for sample in projection.take(event)]
    samples += projection.end()
    return list(text([*samples, *conclusion(judge(events), projection.labels)], form))


def text(samples: Iterable[Sample], form: Format = "openmetrics") -> Iterator[str]:
    """The lines, each with its newline."""
    found: dict[str, dict[MetricSeries, list[Sample]]] = {family.name: {} for family in (*LIVE, *FINAL)}
    for sample in samples:
        found[sample.series.name].setdefault(sample.series, []).append(sample)
    for family in (*LIVE, *FINAL):
        if found[family.name]:
            yield from _head(family, form)
        for point in _in_order(family, found[family.name]):
            if point.value is not STALE or family.type != "counter":
                name = _with_labels(point.series)
                yield f"{name} {_value(point.value)} {_time(point.at_ms, form)}\n"
    if form == "openmetrics":
        yield "# EOF\n"


def _in_order(family: Family, found: Mapping[MetricSeries, list[Sample]]) -> Iterator[Sample]:
    """Series by series; the quantiles of a summary are one, and its times go forward."""
    if family.type != "summary":
        yield from chain.from_iterable(found.values())
        return
    together: dict[Labels, list[Sample]] = {}
    for series, points in found.items():
        others = tuple(label for label in series.labels if label[0] != "quantile")
        together.setdefault(others, []).extend(points)
    for points in together.values():
        yield from sorted(points, key=lambda point: point.at_ms)


def _head(family: Family, form: Format) -> Iterator[str]:
    modern = form == "openmetrics"
    name = family.name.removesuffix("_total") if modern and family.type == "counter" else family.name
    yield f"# TYPE {name} {family.type}\n"
    if family.unit and modern:
        yield f"# UNIT {name} {family.unit}\n"
    yield f"# HELP {name} {family.meaning}\n"


def _time(at_ms: int, form: Format) -> str:
    return f"{at_ms / 1000:.3f}" if form == "openmetrics" else str(at_ms)


@lru_cache(MOST_SERIES)
def _with_labels(series: MetricSeries) -> str:
    labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in series.labels if value)
    return f"{series.name}{{{labels}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _value(value: float) -> str:
    return "NaN" if value is STALE else repr(value)
