"""What is made of a run that was left behind, whatever is left of it."""

import asyncio
import json
from pathlib import Path

import pytest

from chaos.events import Event
from chaos.measure.result import Result
from chaos.reaping import close_left_behind
from chaos.run import Run
from chaos.under_way import folder


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

    async def all_of_them() -> dict[str, Result | None]:
        return {each.run.id: result async for each, result in close_left_behind()}

    return asyncio.run(all_of_them())


def test_one_that_never_said_a_word_leaves_nothing(tmp_path: Path) -> None:
    run = left("a", tmp_path)
    assert closed() == {"a": None}
    assert not run.folder.exists()


def test_one_that_cannot_be_read_is_left_as_it_is_and_nobody_waits_for_it(tmp_path: Path) -> None:
    broken, empty = left("a", tmp_path), left("b", tmp_path)
    broken.journal.path.write_text("not an event\n{}\n")
    assert closed() == {"a": None, "b": None}
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
