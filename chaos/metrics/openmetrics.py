"""Samples as OpenMetrics text, which `promtool tsdb create-blocks-from openmetrics` turns into a Prometheus' blocks.

Sources: the OpenMetrics specification 1.0 (families one after the other, samples of a series in the order of time,
`# EOF` last). A stale marker cannot be written in it: NaN stands where a series ends, which max() and min() pass over.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from chaos.errors import ChaosLabError
from chaos.journal import Journal
from chaos.measure.judge import judge
from chaos.metrics.conclusion import conclusion
from chaos.metrics.families import FINAL, LIVE, Family
from chaos.metrics.projection import Projection
from chaos.metrics.samples import STALE, Sample, Series


def of_journal(path: Path) -> list[str]:
    """All of a run: what it measured, and what its result says. Raises ChaosLabError."""
    events = list(Journal(path).events())
    if not any(event.type == "run.started" for event in events):
        raise ChaosLabError(f"{path}: no run.started in it, with which a journal begins")
    projection = Projection()
    samples = [sample for event in events for sample in projection.take(event)]
    samples += projection.end()
    return list(text([*samples, *conclusion(judge(events), projection.labels)]))


def text(samples: Iterable[Sample]) -> Iterator[str]:
    """The lines, each with its newline."""
    found: dict[str, dict[Series, list[Sample]]] = {family.name: {} for family in (*LIVE, *FINAL)}
    for sample in samples:
        found[sample.series.name].setdefault(sample.series, []).append(sample)
    for family in (*LIVE, *FINAL):
        if found[family.name]:
            yield from _head(family)
        for series, points in found[family.name].items():
            name = _with_labels(series)
            for point in points:
                yield f"{name} {_value(point.value)} {point.at_ms / 1000:.3f}\n"
    yield "# EOF\n"


def _head(family: Family) -> Iterator[str]:
    name = family.name.removesuffix("_total") if family.type == "counter" else family.name
    yield f"# TYPE {name} {family.type}\n"
    if family.unit:
        yield f"# UNIT {name} {family.unit}\n"
    yield f"# HELP {name} {family.meaning}\n"


def _with_labels(series: Series) -> str:
    labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in series.labels if value)
    return f"{series.name}{{{labels}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _value(value: float) -> str:
    return "NaN" if value is STALE else repr(value)
