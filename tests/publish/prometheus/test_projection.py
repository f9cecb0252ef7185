"""The journal as samples: in order, clean, true, and the same however it is cut."""

import json
import re
from collections import defaultdict
from math import isfinite
from pathlib import Path

import pytest

from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.publish.prometheus.families import FINAL, LIVE, MOST_SERIES
from chaos.publish.prometheus.projection import Projection
from chaos.publish.prometheus.samples import STALE, Sample
from chaos.runs.journal import Journal
from tests.journals.telling import END, INJECTED, RECOVERED, START, Telling
from tests.report import a_run

JOURNALS = sorted((Path(__file__).parents[2] / "journals").glob("*.ndjson"))
Points = dict[tuple[str, ...], list[Sample]]


def project(events: list[Event]) -> list[Sample]:
    projection = Projection()
    found = [sample for event in events for sample in projection.take(event)]
    return found + projection.end()


def of(samples: list[Sample], name: str, **labels: str) -> list[tuple[float, float]]:
    """(Seconds since the baseline began, value) of one metric, its ends left out."""
    wanted = set(labels.items())
    return [
        (round(each.at_ms / 1000 - START, 3), each.value)
        for each in samples
        if each.series.name == name and wanted <= set(each.series.labels) and each.value is not STALE
    ]


def between(points: list[tuple[float, float]], start: float, end: float) -> set[float]:
    return {value for at, value in points if start <= at < end}


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_every_journal_gives_what_any_store_takes(path: Path) -> None:
    samples = project(list(Journal(path).events()))
    by_series = defaultdict(list)
    for sample in samples:
        by_series[sample.series].append(sample)
    for series, found in by_series.items():
        times = [each.at_ms for each in found]
        assert times == sorted(set(times))
        assert all(each.value is STALE or each.value == each.value for each in found)
        assert found[-1].value is STALE, series
        names = {name for name, _ in series.labels}
        (family,) = (each for each in LIVE if each.name == series.name)
        assert names == {"experiment", "run", "target", "phase", *family.labels}


@pytest.mark.parametrize("torn", [0, 1, 57, 200, 333, 10**6])
def test_it_is_the_same_however_it_arrives(torn: int) -> None:
    """What stopped anywhere has given the beginning of what the whole gives."""
    events = Telling().events()
    whole = project(events)
    half = Projection()
    given = [sample for event in events[:torn] for sample in half.take(event)]
    assert [(s.series, s.at_ms) for s in given] == [(s.series, s.at_ms) for s in whole[: len(given)]]


def test_a_fault_is_on_from_its_very_moment_to_its_end() -> None:
    points = of(project(Telling().events()), "chaoslab_fault_active", step="slow network")
    assert between(points, 0, INJECTED) == {0.0}
    assert between(points, INJECTED, RECOVERED) == {1.0}
    assert between(points, RECOVERED, END) == {0.0}
    assert {INJECTED, RECOVERED} <= {at for at, _ in points}


def test_requests_that_fail_count_from_when_that_is_known() -> None:
    samples = project(Telling(failing=[(3.0, 4.0)]).events())
    errors = of(samples, "chaoslab_request_error_ratio")
    assert between(errors, 1.0, 3.0) == {0.0}
    assert max(between(errors, 3.0, 5.2)) == 1.0
    assert between(errors, 5.5, END - 0.5) == {0.0}
    latency = of(samples, "chaoslab_request_latency_seconds", quantile="0.95")
    assert max(value for _, value in latency if isfinite(value)) < 0.5  # refused is not slow


def test_there_is_no_latency_while_nothing_but_failures_ends() -> None:
    samples = project(Telling(failing=[(3.0, 6.0)]).events())
    latency = of(samples, "chaoslab_request_latency_seconds", quantile="0.95")
    assert between([(at, value) for at, value in latency if isfinite(value)], 4.6, 5.9) == set()
    assert min(between(of(samples, "chaoslab_request_error_ratio"), 4.6, 5.9)) == 1.0


def test_while_nothing_is_answered_latency_ends_and_throughput_is_nil() -> None:
    events = [e for e in Telling().events() if e.type != "load.sampled" or not 3.0 < e.at - START < 5.5]
    samples = project(events)
    assert between(of(samples, "chaoslab_request_latency_seconds"), 4.3, 5.5) == set()
    assert between(of(samples, "chaoslab_throughput_requests_per_second"), 4.3, 5.5) == {0.0}
    ends = [s.at_ms / 1000 - START for s in samples if s.value is STALE and "latency" in s.series.name]
    assert any(4.0 <= at <= 4.5 for at in ends)


def test_a_steady_state_is_as_good_as_its_worst_look() -> None:
    points = of(
        project(Telling(down=[(3.0, 3.3)]).events()), "chaoslab_probe_success", steady_state="healthy"
    )
    assert 0.0 in between(points, 3.0, 3.8)
    assert between(points, 0.0, 3.0) == {1.0}
    assert between(points, 4.0, END - 0.5) == {1.0}


def test_an_agent_that_stood_still_shows_nothing_meanwhile() -> None:
    events = [e for e in Telling().events() if not 3.0 < e.at - START < 5.9]
    samples = project(events)
    assert between(of(samples, "chaoslab_fault_active"), 3.3, 5.9) == set()
    ends = {s.series.name for s in samples if s.value is STALE and 2.9 <= s.at_ms / 1000 - START <= 3.3}
    assert {"chaoslab_fault_active", "chaoslab_cpu_usage_ratio"} <= ends


def test_units_are_base_units() -> None:
    samples = project(a_run.events())
    last = {s.series.name: s.value for s in samples if s.value is not STALE}
    assert 0.2 < last["chaoslab_cpu_usage_ratio"] < 0.3
    assert 0.2 < last["chaoslab_memory_usage_ratio"] < 0.3
    assert last["chaoslab_disk_usage_ratio"] == pytest.approx(3 / 256)
    during = [s.value for s in samples if s.series.name.endswith("latency_seconds") and s.value is not STALE]
    assert max(during) == 2.0


def test_a_process_that_is_back_within_a_tick_was_gone_all_the_same() -> None:
    def lived(at: float, type_: str, **data: object) -> Event:
        return Event(type_, START + at, {"process": "web", **data})

    died = [
        lived(-0.5, "process.started", pid=7, restarts=0),
        lived(4.01, "process.exited", pid=7, exit_code=None, signal=9, restart_in_s=0.1),
        lived(4.12, "process.started", pid=8, restarts=1),
    ]
    samples = project(sorted([*Telling().events(), *died], key=lambda e: e.at))
    up = of(samples, "chaoslab_process_up", process="web")
    assert between(up, 0.0, 4.01) == {1.0}
    assert between(up, 4.01, 4.12) == {0.0}
    assert of(samples, "chaoslab_process_restarts_total")[-1][1] == 1.0


def test_hostile_names_are_labels_and_nothing_else() -> None:
    hostile = 'a"} or up{x="\n\\ {{ $run }} </script> \0 \ud800 ü'
    text = json.dumps([json.loads(e.to_line()) for e in Telling().events()]).replace(
        json.dumps("slow network")[1:-1], json.dumps(hostile)[1:-1]
    )
    samples = project([Event.from_line(json.dumps(each)) for each in json.loads(text)])
    steps = {dict(s.series.labels).get("step") for s in samples} - {None}
    assert steps == {hostile.replace("\0", "\ufffd").replace("\ud800", "?")}


def test_a_journal_cannot_claim_more_series_than_a_store_can_bear() -> None:
    claimed = {f"/{number}": {"size_bytes": 2, "used_bytes": 1} for number in range(MOST_SERIES + 99)}
    events = [
        Event(e.type, e.at, {**e.data, "disk": claimed} if e.type == "usage.sampled" else e.data, e.source)
        for e in Telling().events()
    ]
    assert len({sample.series for sample in project(events[:150])}) == MOST_SERIES


@pytest.mark.parametrize(
    "event",
    [
        Event("phase.started", START, {}),
        Event("usage.sampled", START, {"disk": [1]}),
        Event("usage.sampled", float("nan"), {}),
        Event("usage.sampled", 1e300, {}),
        Event("load.sampled", START, {"took_ms": "soon"}),
        Event("run.started", START, {"plan": {"steady_state": [3]}}, "host"),
        Event("probe.sampled", START, []),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_what_is_no_event_of_ours_is_named(event: Event) -> None:
    projection = Projection()
    for each in Telling().events()[:60]:
        projection.take(each)
    with pytest.raises(ChaosLabError, match=r"is not as ChaosLab writes it"):
        projection.take(event)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, True, "12", 10**400])
def test_a_value_that_is_no_number_is_left_out(value: object) -> None:
    events = [
        Event(
            e.type, e.at, {**e.data, "cpu_percent": value} if e.type == "usage.sampled" else e.data, e.source
        )
        for e in Telling().events()
    ]
    try:
        samples = project(events)
    except ChaosLabError:
        assert value == 10**400
    else:
        assert of(samples, "chaoslab_cpu_usage_ratio") == []
        assert of(samples, "chaoslab_memory_usage_ratio") != []


def test_the_page_about_metrics_names_them_all_and_no_other() -> None:
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(chaoslab_\w+)`", page, re.MULTILINE)) == {
        each.name for each in (*LIVE, *FINAL)
    }
