"""The metrics of real runs, read by others: both formats, and every panel's queries on a real Prometheus.

    python -m bench.metrics DIR    DIR holds folders of runs, such as `runs` after `chaoslab run --no-prefect …`

Of each run: the official parser of OpenMetrics reads it, `promtool check metrics` has nothing to say of the older
format, `promtool tsdb create-blocks-from openmetrics` (Prometheus' strict reader) makes blocks of it. A Prometheus is
started on the blocks of all runs, and asked what the panels of each run's dashboard ask, over the run's time: each has
data, or there is none: a quantile of too few answers is not told. Peaks of the panels are held against `result.json`:
CPU, memory, each disk.

Needs Debian's `prometheus` (with promtool). Ends with 1 when anything is refused, missing or different.
"""

import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from chaos.analysis.result import Result
from chaos.analysis.trials import shown
from chaos.publish import dashboards
from chaos.publish.dashboard import rendered_dashboard
from chaos.publish.grafana.queries import Query, queries_of, step_s
from chaos.publish.prometheus.openmetrics import of_journal
from chaos.publish.report import revisit
from tests.prometheus_fixture import Prometheus, started

NEAR = 0.0005
"""Of a share: results are rounded to hundredths of a per cent."""
LATENCY = "chaoslab_request_latency_seconds"
BESIDE_S = 0.4
"""Less than from one trial to the next."""


@dataclass
class Seen:
    """What is wrong with one run, and what was counted."""

    name: str
    result: Result
    faults: Sequence[str]
    samples: int = 0
    queries: int = 0
    empty: list[str] = field(default_factory=list)
    untold: int = 0
    """Queries for a quantile that no second of the run had answers enough for."""
    quantiles: frozenset[str] = frozenset()
    """Those that some second had."""
    peaks: int = 0
    wrong: list[str] = field(default_factory=list)


def read(folder: Path, work: Path) -> Seen:
    """One run by all three readers; its blocks are added to `work`."""
    _, result = revisit(folder)
    seen = Seen(folder.name, result, sorted({step.fault for step in result.steps}))
    journal = folder / "journal.ndjson"
    modern = "".join(of_journal(journal))
    try:
        families = list(text_string_to_metric_families(modern))
        seen.samples = sum(len(family.samples) for family in families)
        seen.quantiles = frozenset(
            f"p{float(sample.labels['quantile']) * 100:.0f}"
            for family in families
            for sample in family.samples
            if sample.name == LATENCY and not math.isnan(sample.value)
        )
    except ValueError as error:
        seen.wrong.append(f"the official parser: {error}")
    older = "".join(of_journal(journal, "prometheus"))
    said = subprocess.run(
        ["promtool", "check", "metrics"], input=older, capture_output=True, text=True, check=False
    )
    if said.returncode or said.stderr:
        seen.wrong.append(f"promtool check metrics: {said.stderr.strip()}")
    (work / "run.om").write_text(modern)
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "run.om", "data"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd=work)
    if made.returncode:
        seen.wrong.append(f"promtool create-blocks-from: {made.stderr.strip()}")
    return seen


def asked(folder: Path, seen: Seen, store: Prometheus) -> None:
    """What the panels of its dashboard ask, over the time that it opens with."""
    run, result = revisit(folder)
    events = shown(list(run.journal.events()), result)
    dashboard = rendered_dashboard(result, events[0].data).dashboard
    drawn = _drawn(dashboard, result, _unix(dashboard["time"]["from"]), _unix(dashboard["time"]["to"]), store)
    seen.queries = len(drawn)
    empty = [(query.panel, legend) for query, legend, found in drawn if not found]
    seen.empty = [f"{panel}: {legend}" for panel, legend in empty if not _is_untold(legend, seen)]
    seen.untold = len(empty) - len(seen.empty)
    if result.trials is not None:  # the result is of one trial, the dashboard of all
        end = events[-1].at + BESIDE_S
        drawn = _drawn(dashboard, result, end - math.ceil(end - events[0].at) + 1, end, store)
    for panel, what, meant in _peaks(result):
        found = [
            _most(series)
            for query, legend, answer in drawn
            for series in answer
            if query.panel == panel and _is_peak(panel, legend) and what in ("", series["metric"].get("path"))
        ]
        seen.peaks += 1
        if not found or abs(max(found) - meant) > NEAR:
            seen.wrong.append(
                f"{panel} {what}: the panel's peak is {max(found, default=None)}, of the result {meant}"
            )


def _is_untold(legend: str, seen: Seen) -> bool:
    return legend.partition(",")[0] in {"p50", "p95", "p99"} - seen.quantiles


Drawn = tuple[Query, str, list[dict[str, Any]]]
"""What a target asks, its legend, and the series that it gets."""


def _drawn(
    dashboard: Mapping[str, Any], result: Result, start: float, end: float, store: Prometheus
) -> list[Drawn]:
    queries = queries_of(dashboard, {"run": result.run_id}, end - start)
    targets = chain.from_iterable(panel.get("targets", ()) for panel in dashboard["panels"])
    legends = [target.get("legendFormat", "") for target in targets if "expr" in target]
    answers = (_answer(store, query, start, end) for query in queries)
    return list(zip(queries, legends, answers, strict=True))


def _unix(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _answer(store: Prometheus, query: Query, start: float, end: float) -> list[dict[str, Any]]:
    if query.instant:
        return store.query(query.expr, end)
    return store.range(query.expr, start, end, step_s(end - start))


def _peaks(result: Result) -> Iterator[tuple[str, str, float]]:
    """Panel, disk, and the peak that the result has."""
    usage = result.usage
    if usage is None:
        return
    for panel, percent in (("CPU", usage.cpu_peak_percent), ("Memory", usage.memory_peak_percent)):
        if percent is not None:
            yield panel, "", percent / 100
            yield f"{panel} peak", "", percent / 100
    for path, percent in usage.disk_peak_percent.items():
        yield "Disk", path, percent / 100


def _is_peak(panel: str, legend: str) -> bool:
    return panel.endswith(" peak") or legend.endswith(", peak")


def _most(series: dict[str, Any]) -> float:
    values = [series["value"]] if "value" in series else series["values"]
    return max(float(value) for _, value in values)


def report(seen: Sequence[Seen], fleet: Sequence[str], fleet_queries: int) -> Iterator[str]:
    """The figures, and every complaint."""
    types = sorted({fault for each in seen for fault in each.faults})
    yield f"{len(seen)} runs, {len(types)} types of fault: {', '.join(types)}"
    refused = [each for each in seen if any("parser" in why or "promtool" in why for why in each.wrong)]
    samples = sum(each.samples for each in seen)
    yield f"read by the official parser and by promtool: {len(seen) - len(refused)} of {len(seen)}, {samples:,} samples"
    asked_for = sum(each.queries for each in seen)
    untold = sum(each.untold for each in seen)
    full = asked_for - untold - sum(len(each.empty) for each in seen)
    of_fleet = f"{fleet_queries - len(fleet)} of {fleet_queries}"
    yield f"panel queries with data: {full:,} of {asked_for:,}; of the fleet's {of_fleet}"
    yield f"  {untold} others ask for a quantile of which no second of that run had answers enough"
    wrong = sum("peak is" in why for each in seen for why in each.wrong)
    peaks = sum(each.peaks for each in seen)
    yield f"peaks that agree with result.json: {peaks - wrong} of {peaks}"
    for each in seen:
        yield from (f"  {each.name}: no data: {panel}" for panel in dict.fromkeys(each.empty))
        yield from (f"  {each.name}: {why}" for why in each.wrong)
    yield from (f"  fleet: no data: {panel}" for panel in fleet)


def measured(folders: Sequence[Path]) -> tuple[list[Seen], list[str], int]:
    """All runs, in one Prometheus; and the fleet's panels without data, of how many."""
    with tempfile.TemporaryDirectory(prefix="metrics-") as name:
        work = Path(name)
        seen = [read(folder, work) for folder in folders]
        with started(work) as store:
            for folder, each in zip(folders, seen, strict=True):
                asked(folder, each, store)
            ends = [_unix(each.result.ended_at) for each in seen]
            begins = [_unix(each.result.started_at) for each in seen]
            queries = queries_of(dashboards.fleet(), {}, max(ends) - min(begins))
            answers = [_answer(store, query, min(begins), max(ends)) for query in queries]
    empty = [query.panel for query, found in zip(queries, answers, strict=True) if not found]
    return seen, empty, len(queries)


def main() -> int:
    """Measure and print."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bench.metrics DIR, where DIR holds folders of runs")
    folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/result.json"))
    if not folders:
        sys.exit(f"{sys.argv[1]}: no folder of a run in it")
    seen, empty, queries = measured(folders)
    print(*report(seen, empty, queries), sep="\n")
    return 1 if empty or any(each.wrong or each.empty for each in seen) else 0


if __name__ == "__main__":
    sys.exit(main())
