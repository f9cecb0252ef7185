"""Reading while it is written, going on after a cut, in bounded memory; and journals that mean harm."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.live.items import End, Frame, Item, LogEntry, Mark, StepFidelity
from chaos.live.projector import Projector
from chaos.live.reading import JournalReader
from chaos.runs.journal import Journal
from tests.live.test_equal import JOURNALS, assert_equal, events_of, last_frames, projected

HELD = next(each for each in JOURNALS if each.stem == "held")
TRIALS = next(each for each in JOURNALS if each.stem == "trials_deviated_in_one")


def _begun(plan: dict[str, Any] | None = None) -> list[Event]:
    return [
        Event("run.started", 100.0, {"run_id": "r", "experiment": "e", "plan": plan or {}}, source="host"),
        Event("phase.started", 100.0, {"phase": "baseline"}),
    ]


def _usage(at: float) -> Event:
    return Event("usage.sampled", at, {"cpu_percent": 5.0, "memory_percent": 1.0, "disk": {}})


def _request(at: float, took_ms: float = 4.0, error: str | None = None) -> Event:
    said = {"took_ms": took_ms, "late_ms": 0, "status": None if error else 200, "error": error}
    return Event("load.sampled", at, said)


@pytest.mark.parametrize("journal", [HELD, TRIALS], ids=lambda path: path.stem)
def test_whoever_was_cut_off_gets_the_rest_and_nothing_twice(journal: Path, tmp_path: Path) -> None:
    data = journal.read_bytes()
    copy = Journal(tmp_path / "journal.ndjson")
    copy.path.write_bytes(b"")
    whole = [(number, item) for number, item in enumerate(projected(events_of(journal)), start=1)]
    reading, got = JournalReader(copy), []
    for begin in range(0, len(data), 7001):
        with copy.path.open("ab") as file:
            file.write(data[begin : begin + 7001])
        got += reading.look()
        if begin % 3 == 0:  # the console was killed, and another one goes on
            reading = JournalReader(copy)
            got += reading.look(after=got[-1][0] if got else 0)
    assert got + reading.close() == whole
    assert reading.offset == len(data)


def test_a_frame_comes_when_its_slot_is_over_and_again_when_it_changes() -> None:
    projector = Projector()
    events = [*_begun(), _request(100.02), *(_usage(100 + each / 10) for each in range(1, 6))]
    frames = [item for event in events for item in projector.take(event) if isinstance(item, Frame)]
    assert [(each.index, each.p50) for each in frames] == [(0, 0.004), (1, 0.004)]
    late = [_request(100.05, 800.0), _request(100.06, 800.0)]
    later = [*late, *(_usage(100 + each / 10) for each in range(6, 15))]
    again = [item for event in later for item in projector.take(event) if isinstance(item, Frame)]
    changed = {each.index: each.p50 for each in again}
    assert changed[0] == changed[1] == 0.8
    assert [each.index for each in again].count(0) == 1


def test_marks_lines_and_the_end() -> None:
    items = projected(events_of(HELD))
    marks = [each for each in items if isinstance(each, Mark)]
    injected = next(each for each in marks if each.what == "fault.injected")
    assert injected.step == "slow network"
    assert "network_delay" in injected.words
    assert injected.t is not None
    asked = [each for each in items if isinstance(each, StepFidelity)]
    assert asked[-1].what == "delay_ms"
    assert asked[-1].delivered == pytest.approx(asked[-1].asked, rel=0.1)
    assert isinstance(items[-1], End)
    assert items[-1].outcome == "completed"


def test_a_flood_of_lines_is_counted_and_what_acts_is_spelled_out() -> None:
    said = {"process": "web", "stream": "stderr", "line": "\x1b[31m\u202e" + "x" * 9000}
    events = [*_begun(), *(Event("log.captured", 101.0 + each / 1000, said) for each in range(1000))]
    lines = [
        item
        for item in projected([*events, Event("log.captured", 102.5, said)])
        if isinstance(item, LogEntry)
    ]
    assert [each.dropped for each in lines] == [0] * 50 + [950]
    assert all(each.line.isprintable() and len(each.line) <= 2100 for each in lines)


def test_memory_is_bounded_however_long_it_goes_on() -> None:
    projector = Projector()
    for event in _begun({"load": {"timeout_s": 2.0}}):
        projector.take(event)
    highest = 0
    for tick in range(6000):
        now = 100 + tick / 10
        for each in range(3):
            projector.take(_request(now - 1.9 + each / 30))
        projector.take(_usage(now))
        highest = max(highest, projector.kept)
    assert highest < 700


def test_what_was_under_way_when_the_machine_stood_still_is_where_it_belongs() -> None:
    still = [_usage(100.0 + each / 10) for each in range(1, 30)]
    after = [
        _request(102.85, 41_000.0, "timeout"),
        *(_usage(143.8 + each / 10) for each in range(40)),
        _request(102.7, 43_900.0, "timeout"),
        Event("phase.ended", 148.0, {"phase": "baseline"}),
    ]
    assert_equal([*_begun({"load": {"timeout_s": 2.0}}), *still, *after])


@pytest.mark.parametrize(
    "events",
    [
        [_usage(float("inf"))],
        [_usage(1e15)],
        [Event("usage.sampled", 101.0, {"disk": {"/": 3}})],
        [Event("load.sampled", 101.0, {"took_ms": "long"})],
        [Event("usage.sampled", 101.0, {"cpu_percent": "much"})],
        [Event("phase.started", 101.0, {"phase": "fault"})] * 100,
        [Event("log.captured", float("nan"), {})],
        [Event("run.started", 101.0, {"plan": {"steady_state": 3}}, source="host")],
        [Event("fault.measured", 101.0, 7)],  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_what_is_no_journal_of_ours_is_one_error(events: list[Event]) -> None:
    with pytest.raises(ChaosLabError, match="is not as ChaosLab writes it"):
        projected([*_begun(), *events])


def test_a_silence_of_days_is_no_million_of_frames() -> None:
    events = [
        *_begun(),
        _request(100.5),
        _usage(101.0),
        _usage(100.0 + 20 * 24 * 3600),
        _usage(100.5 + 20 * 24 * 3600),
    ]
    items = projected(events)
    assert len(items) < 40
    assert len(last_frames(items)[1]) < 30


def test_what_has_no_words_still_says_its_type() -> None:
    items: Iterator[Item] = iter(projected([*_begun(), Event("process.exited", 101.0, {"process": "web"})]))
    assert [each.words for each in items if isinstance(each, Mark)] == ["baseline begins", "process.exited"]
