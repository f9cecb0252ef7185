"""What is made of a run that was left behind, whatever is left of it."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from chaos.analysis.result import Result
from chaos.events import Event
from chaos.runner import isolation as apart
from chaos.runner.cleanup import Closed, close_left_behind
from chaos.runs.active import folder
from chaos.runs.directory import Run


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path / "state"))


def left(name: str, path: Path) -> Run:
    """A run whose process is no more."""
    run = Run(name, path / name)
    run.folder.mkdir()
    folder().mkdir(parents=True, exist_ok=True)
    text = json.dumps({"folder": str(run.folder), "flow_run": None})
    (folder() / f"{name}.json").write_text(text)
    return run


def closed() -> dict[str, Result | None]:
    """By the run's id."""

    return {each.left.run.id: each.result for each in told()}


def told() -> list[Closed]:
    async def all_of_them() -> list[Closed]:
        return [each async for each in close_left_behind()]

    return asyncio.run(all_of_them())


def test_one_that_never_said_a_word_leaves_nothing(tmp_path: Path) -> None:
    run = left("a", tmp_path)
    assert closed() == {"a": None}
    assert not run.folder.exists()


def test_one_that_cannot_be_read_is_left_as_it_is_and_nobody_waits_for_it(tmp_path: Path) -> None:
    broken, empty = left("a", tmp_path), left("b", tmp_path)
    broken.journal.path.write_text("not an event\n{}\n")
    first, second = told()
    assert (first.aside, second.aside) == (
        f"{broken.journal.path}:1: not an event of a ChaosLab journal",
        None,
    )
    assert broken.journal.path.read_text().startswith("not an event")
    assert not empty.folder.exists()
    assert closed() == {}


def test_one_whose_folder_went_is_forgotten(tmp_path: Path) -> None:
    left("a", tmp_path).folder.rmdir()
    assert closed() == {"a": None}
    assert closed() == {}


def test_a_torn_last_line_does_not_matter(tmp_path: Path) -> None:
    run = left("a", tmp_path)
    run.journal.append(Event("run.started", 1.0, {"run_id": "a"}, source="host"))
    with run.journal.path.open("ab") as file:
        file.write(b'{"seq": 7, "at": 17')
    run.result.write_text("{half of")
    assert closed()["a"] is not None
    types = [event.type for event in run.journal.events()]
    assert types == ["run.started", "run.ended"]


STARTED = Event("run.started", 1.0, {"run_id": "a", "plan": {}}, source="host").to_line()
HOSTILE = {
    "nested": STARTED + b'{"type": "x", "at": 1, "data": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n",
    "a plan of another kind": Event("run.started", 1.0, {"plan": [1]}, source="host").to_line(),
    "infinite": STARTED + b'{"type": "phase.started", "at": 1e999, "data": {"phase": "fault"}}\n',
    "data that is none": STARTED + b'{"type": "sandbox.opened", "at": 1, "data": 7}\n',
    "a number of too many digits": STARTED + b'{"type": "x", "at": 1' + b"0" * 5000 + b"}\n",
    "no text": bytes(range(256)) * 100 + b"\n",
}


@pytest.mark.parametrize("lines", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_journal_is_judged_or_put_aside_and_never_tried_twice(lines: bytes, tmp_path: Path) -> None:
    run = left("a", tmp_path)
    run.journal.path.write_bytes(lines)
    (first,) = told()
    assert first.result is not None or (first.aside and "\n" not in first.aside)
    assert told() == []
    assert not list(folder().iterdir())


def test_a_giant_journal_is_put_aside_within_its_limits(tmp_path: Path) -> None:
    run = left("a", tmp_path)
    with run.journal.path.open("wb") as file:
        file.write(STARTED)
        file.truncate(64 * 2**30)  # sparse: one line of 64 GiB
    began = time.monotonic()
    (first,) = told()
    assert first.aside == "its journal needs too much memory"
    assert time.monotonic() - began < 20
    mark = json.loads(apart.aside("a").read_text())
    assert mark == {"folder": str(run.folder), "why": first.aside}


def test_what_takes_too_long_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "WALL_S", 0.01)  # less than any Python needs to begin
    left("a", tmp_path).journal.path.write_bytes(STARTED)
    (first,) = told()
    assert first.aside == "no end within 0.01 s"


def test_what_its_closer_died_over_is_not_tried_again(tmp_path: Path) -> None:
    run = left("a", tmp_path)
    run.journal.path.write_bytes(STARTED)
    apart.aside("a").parent.mkdir(parents=True)
    apart.aside("a").write_text(
        json.dumps({"folder": str(run.folder), "why": "whoever was closing it died over it"})
    )
    (first,) = told()
    assert first.aside == "whoever was closing it died over it"
    assert not run.result.exists()


def test_whoever_is_told_to_end_meanwhile_leaves_it_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = left("a", tmp_path)
    os.mkfifo(run.journal.path)

    async def cut_off() -> None:
        async with asyncio.timeout(0.3):
            async for _ in close_left_behind():
                raise AssertionError

    with pytest.raises(TimeoutError):
        asyncio.run(cut_off())
    run.journal.path.unlink()
    run.journal.path.write_bytes(STARTED)
    (first,) = told()
    assert first.result is not None


def test_a_state_file_that_names_somebody_elses_folder_removes_nothing(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    folder().mkdir(parents=True)
    (folder() / "x.json").write_text(json.dumps({"folder": str(precious), "flow_run": None}))
    assert closed() == {"x": None}
    assert (precious / "file").exists()
