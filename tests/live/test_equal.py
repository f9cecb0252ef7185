"""At the end, and wherever a journal is cut off, the frames are the report's charts: number by number."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.analysis.chart import ChartSeries, series
from chaos.events import Event, segments
from chaos.live.items import SLOT_S, Frame, Item
from chaos.live.projector import Projector
from chaos.runs.journal import Journal

JOURNALS = sorted((Path(__file__).parents[1] / "journals").glob("*.ndjson"))


@cache
def events_of(journal: Path) -> list[Event]:
    return list(Journal(journal).events())


def projected(events: Sequence[Event]) -> list[Item]:
    projector = Projector()
    return [item for event in events for item in projector.take(event)] + projector.end()


def last_frames(items: Sequence[Item]) -> dict[int, list[Frame]]:
    """Segment -> its frames as they are at last, in order."""
    found: dict[tuple[int, int], Frame] = {}
    for each in items:
        if isinstance(each, Frame):
            found[each.segment, each.index] = each
    by_segment: dict[int, list[Frame]] = {}
    for (segment, _), frame in sorted(found.items()):
        by_segment.setdefault(segment, []).append(frame)
    return by_segment


def assert_equal(events: Sequence[Event]) -> None:
    frames = last_frames(projected(events))
    for number, segment in enumerate(segments(events), start=1):
        if any(event.type == "phase.started" and event.data["phase"] != "warmup" for event in segment):
            _assert_charts(frames.get(number, []), series(segment, SLOT_S), segment)
        else:
            assert number not in frames


def _assert_charts(frames: list[Frame], said: ChartSeries, segment: Sequence[Event]) -> None:
    start = said.start
    assert [(each.at, each.p50) for each in frames if each.p50 is not None] == said.latency_p50
    assert [(each.at, each.p95) for each in frames if each.p95 is not None] == said.latency_p95
    assert [(each.at, each.errors) for each in frames if each.errors is not None] == said.error_rate
    assert [(each.at, each.throughput) for each in frames if each.throughput is not None] == said.throughput
    middle = [start + (each.index + 0.5) * SLOT_S for each in frames]
    assert _points(middle, [each.cpu for each in frames]) == said.cpu
    assert _points(middle, [each.memory for each in frames]) == said.memory
    for path, points in said.disk.items():
        assert _points(middle, [each.disk.get(path) for each in frames]) == points
    for name, looks in said.probes:
        if name not in of_data(segment):
            worst: dict[int, tuple[bool, float]] = {}
            for at, took_s, good in looks:
                if said.start <= at <= said.end:
                    index = int((at - start) / SLOT_S)
                    worst[index] = min(
                        worst.get(index, (good, took_s)), (good, took_s), key=lambda each: (each[0], -each[1])
                    )
            assert {each.index: each.probes[name] for each in frames if name in each.probes} == worst


def of_data(segment: Sequence[Event]) -> set[str]:
    """Invariants: their looks are judged together, and no frame has any."""
    states = (segment[0].data.get("plan") or {}).get("steady_state") or ()
    return {state["name"] for state in states if state["tolerance"].get("invariant")}


def _points(at: Sequence[float], values: Sequence[Any]) -> list[tuple[float, float]]:
    return [(moment, value) for moment, value in zip(at, values, strict=True) if value is not None]


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.stem)
def test_of_every_journal_of_the_collection(journal: Path) -> None:
    assert_equal(events_of(journal))


@settings(max_examples=40)
@given(st.data())
def test_wherever_it_is_cut_off(data: st.DataObject) -> None:
    events = events_of(data.draw(st.sampled_from([each for each in JOURNALS if "trials" not in each.stem])))
    assert_equal(events[: data.draw(st.integers(0, len(events)))])


PLAN = {
    "load": {"timeout_s": 1.5},
    "steady_state": [{"name": "up", "probe": {"type": "tcp", "every": 0.1, "timeout": 1.0}, "tolerance": {}}],
}
MS = st.integers(0, 1500)
PHASES = [
    [("warmup", 5), ("baseline", 9), ("fault", 13)],
    [("baseline", 7), ("fault", 5), ("recovery", 20)],
    [("baseline", 3)],
]


@st.composite
def journals(draw: st.DrawFn) -> list[Event]:
    """Agents' journals: what is asked ends in any order, up to its timeout later; the clock may stand still or jump."""
    events = [Event("run.started", 0.0, {"run_id": "r", "experiment": "e", "plan": PLAN}, source="host")]
    now, seq = draw(st.integers(1, 10**6)), 0
    waiting: list[tuple[int, int, str, dict[str, Any]]] = []
    for phase, length in draw(
        st.sampled_from(
            [
                [("warmup", 5), ("baseline", 9), ("fault", 13)],
                [("baseline", 7), ("fault", 5), ("recovery", 20)],
                [("baseline", 3)],
            ]
        )
    ):
        events.append(Event("phase.started", now / 1000, {"phase": phase}))
        for _ in range(length):
            step = draw(st.sampled_from([3, 50, 100, 100, 101, 260, 700, 9000]))
            for _ in range(draw(st.integers(0, 3))):
                at, took = now + draw(st.integers(1, step)), draw(MS)
                kind, said = draw(st.sampled_from(["load.sampled", "probe.sampled"])), _said(took, draw)
                seq += 1
                waiting.append((at + took, seq, kind, {**said, "at": at}))
            now += step
            waiting.sort(key=lambda each: each[:2])
            while waiting and waiting[0][0] <= now:
                _, _, kind, said = waiting.pop(0)
                events.append(
                    Event(kind, said["at"] / 1000, {key: each for key, each in said.items() if key != "at"})
                )
            used = draw(st.integers(0, 400))
            disk = {"/": {"size_bytes": 100, "used_bytes": used % 100}} if used % 2 else {}
            events.append(
                Event(
                    "usage.sampled", now / 1000, {"cpu_percent": used, "memory_percent": None, "disk": disk}
                )
            )
        now += draw(st.sampled_from([0, 1, 400]))
        events.append(Event("phase.ended", now / 1000, {"phase": phase}))
        now += draw(st.sampled_from([0, 1, 30])) + (phase == "warmup")
    return events


def _said(took_ms: int, draw: st.DrawFn) -> dict[str, Any]:
    error = "timeout" if took_ms >= 1000 else draw(st.sampled_from([None, None, "refused", "late"]))
    return {
        "took_ms": took_ms, "late_ms": 0.0, "status": None if error else draw(st.sampled_from([200, 503])),
        "error": error, "probe": "up", "value": None if error else {},
    }  # fmt: skip


@settings(max_examples=40)
@given(journals(), st.data())
def test_of_generated_journals_at_any_place(events: list[Event], data: st.DataObject) -> None:
    assert_equal(events[: data.draw(st.integers(1, len(events)))])
    assert_equal(events)
