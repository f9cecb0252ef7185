"""The agent's journal: signed, clipped to lines that the gate takes, and never larger than its limit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaos.agent.record import Record
from chaos.events import Clock, Event
from chaos.runner.gate import LINE_BYTES, Gate, Taken
from tests.runner.test_gate import STARTED
from tests.wire import KEY

KIB = 2**10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.ndjson"


def through_the_gate(path: Path, clock: Clock, began: float) -> list[Taken]:
    return list(Gate(KEY, began).take(path.read_bytes(), clock.now()))


def written(path: Path, tell: Callable[[Record], None], **how: Any) -> list[Event]:
    clock = Clock()
    began = clock.now()
    record = Record(str(path), clock, KEY, **how)
    record.emit("agent.started", **STARTED)
    tell(record)
    record.emit("agent.ended", outcome="completed", why="all of it")
    return [each.event for each in through_the_gate(path, clock, began)]


def test_without_a_key_it_is_plain(path: Path) -> None:
    Record(str(path), Clock()).emit("phase.started", phase="baseline")
    assert json.loads(path.read_bytes())["data"] == {"phase": "baseline"}


def test_a_line_that_is_too_long_is_clipped_and_passes(path: Path) -> None:
    def tell(record: Record) -> None:
        record.emit("target.failed", why="\U0001f600" * 200_000)
        record.emit(
            "fault.recovered", step="s", fault="f", because="held", began_at=None, residue=["x" * 9000] * 4000
        )

    _, failed, recovered, ended = written(path, tell)
    assert failed.data["why"] == "\U0001f600" * 4096 + "…"
    assert len(recovered.data["residue"]) == 64
    assert ended.type == "agent.ended"
    assert max(map(len, path.read_bytes().splitlines())) < LINE_BYTES


def test_names_that_are_no_text_pass_as_text(path: Path) -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")
    _, failed, _ = written(path, lambda record: record.emit("target.failed", why=f"no {name}, \U0001f600"))
    assert failed.data["why"] == "no caf?, \U0001f600"


def test_an_app_that_talks_loses_its_log_and_not_the_run(path: Path) -> None:
    full: list[str] = []

    def tell(record: Record) -> None:
        record.on_full = full.append
        for number in range(2000):
            record.emit("log.captured", process="web", stream="stdout", line=f"{number} {'x' * 90}")
        record.emit("phase.started", phase="baseline")

    events = written(path, tell, limit_bytes=256 * KIB)
    kept = sum(event.type == "log.captured" for event in events)
    first, last = (event for event in events if event.type == "journal.limited")
    assert (first.data["what"], first.data["left_out"]) == ("logs", 1)
    assert last.data["left_out"] == 2000 - kept
    assert kept > 200
    assert [event.type for event in events[-3:]] == ["phase.started", "journal.limited", "agent.ended"]
    assert not full
    assert path.stat().st_size < 80 * KIB


def test_a_journal_that_is_full_ends_the_run_and_still_tells_how(path: Path) -> None:
    full: list[str] = []

    def tell(record: Record) -> None:
        record.on_full = full.append
        for _ in range(5000):
            record.emit("phase.started", phase="baseline")
            record.emit("load.sampled", late_ms=0.1, took_ms=1.0, status=200, error=None, bytes=2)

    events = written(path, tell, limit_bytes=1024 * KIB)
    assert full == ["the journal has reached its limit of 1 MiB"]
    assert events[-1].type == "agent.ended"
    assert events[-2].data["what"] == "samples"
    assert events[-2].data["left_out"] > 1000
    assert path.stat().st_size < 1025 * KIB
