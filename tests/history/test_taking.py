"""Folders that are broken, somebody else's, or made to do harm: named and put aside, one by one."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.history.store import History
from tests.history.folders import day_folder, run_folder

UUID = "98d4a5e1-18c5-42b4-9f9f-b2c6e5d0b38b"


def _json(**changed: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        said = json.loads((folder / "result.json").read_text())
        (folder / "result.json").write_text(json.dumps({**said, **changed}))

    return change


def _text(name: str, text: str | bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    return change


def _fifo(folder: Path) -> None:
    (folder / "result.json").unlink()
    os.mkfifo(folder / "result.json")


def _link(folder: Path) -> None:
    (folder / "result.json").unlink()
    (folder / "result.json").symlink_to("/etc/passwd")


def _endless(folder: Path) -> None:
    os.truncate(folder / "result.json", 17 * 2**20)


def _journal_only(folder: Path) -> None:
    (folder / "result.json").unlink()


def _folder(folder: Path) -> None:
    (folder / "result.json").unlink()
    (folder / "result.json").mkdir()


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "half a result": (_text("result.json", '{"run_id": "2026'), "no result of this version"),
    "no JSON": (_text("result.json", b"\xff\xfe\0"), "no result of this version"),
    "somebody else's": (_text("result.json", '{"name": "tests", "passed": 3}'), "no result of this version"),
    "nested": (_text("result.json", "[" * 100_000), "no result of this version"),
    "a pipe": (_fifo, "not a plain file"),
    "a link": (_link, "cannot be read"),
    "a folder": (_folder, "not a plain file"),
    "endless": (_endless, "larger than"),
    "not ended": (_journal_only, "chaoslab gc"),
    "a foreign id": (_json(run_id="../../etc/passwd"), "no run of ours"),
    "an id with a line": (_json(run_id="20261130-100001-shop-000001\n"), "no run of ours"),
    "another's name": (_json(experiment="other"), "no run of ours"),
    "no time": (_json(started_at="yesterday"), "a time that is none"),
    "no origin": (_text("origin.json", "[" * 50_000), "not JSON"),
    "an odd origin": (_text("origin.json", '{"flow_run": 7}'), "flow_run"),
    "an endless origin": (_text("origin.json", " " * 70_000), "larger than"),
    "an odd note": (_text("pruned.json", '{"run": {}}'), "not what ChaosLab leaves"),
    "many steps": (_json(labels={f"k{each}": "v" for each in range(2000)}), "more than 1000"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_put_aside_with_its_name(name: str, tmp_path: Path) -> None:
    change, why = HOSTILE[name]
    good, bad = run_folder(tmp_path / "runs", 1), run_folder(tmp_path / "runs", 2)
    change(bad)
    with History.open(f"sqlite:///{tmp_path}/history.db") as store:
        done = store.import_([tmp_path / "runs"])
        assert [each.path for each in done.aside] == [str(bad)]
        assert why in done.aside[0].why
        assert str(bad) in done.aside[0].why
        assert done.aside[0].why.isprintable()
        assert [each.run.run_id for each in store.page().items] == [good.name]


def test_values_that_no_database_takes_are_made_such_as_it_does(store: History, tmp_path: Path) -> None:
    folder = run_folder(
        tmp_path,
        seed=2**200,
        why="a\0b\x1b[31mc" + "x" * 9000,
        labels={"a\0": "b\x07"},
        origin={"flow_run": "no uuid", "started_by": "\x1b]0;hi\x07", "created_ms": 2**70},
    )
    text = (folder / "result.json").read_text()
    (folder / "result.json").write_text(
        text.replace('"cpu_peak_percent": ', '"cpu_peak_percent": 1e999, "x": ')
    )
    said = json.loads((folder / "result.json").read_text())
    said["usage"].pop("x")
    (folder / "result.json").write_text(json.dumps(said))
    assert store.put(folder) == "added"
    found = store.get(folder.name)
    assert found is not None
    assert (found.run.seed, found.run.flow_run, found.run.cpu_peak) == (None, None, None)
    assert found.run.created_ms == found.run.started_ms
    assert found.run.why is not None
    assert found.run.why.startswith("a\\x00b\\x1b[31mc")
    assert len(found.run.why) <= 2000
    assert found.labels == {"a\\x00": "b\\x07"}
    assert store.check(deep=True).problems == ()
    (line,) = store.export()
    assert "Infinity" not in line


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "runs")
    folder.rename(Path(os.fsdecode(os.fsencode(tmp_path / "runs") + b"/a\xff\n")))
    with History.open(f"sqlite:///{tmp_path}/history.db") as store:
        done = store.import_([tmp_path / "runs"])
    assert len(done.aside) == 1
    assert "not Unicode text" in done.aside[0].why
    assert done.aside[0].why.isprintable()


def test_what_is_not_there_is_said_and_links_are_not_followed(tmp_path: Path) -> None:
    run_folder(tmp_path / "elsewhere")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs")
    with History.open(f"sqlite:///{tmp_path}/history.db") as store:
        assert store.import_([tmp_path / "runs"]).added == 0
        (aside,) = store.import_([tmp_path / "nowhere"]).aside
    assert "no such folder" in aside.why


def test_a_copy_is_the_same_run_and_a_forgery_is_put_aside(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "a")
    with History.open(f"sqlite:///{tmp_path}/history.db") as store:
        store.put(folder)
        copy = tmp_path / "b" / "copy"
        copy.mkdir(parents=True)
        for each in folder.iterdir():
            (copy / each.name).write_bytes(each.read_bytes())
        assert store.import_([tmp_path / "b"]).unchanged == 1
        _json(verdict="deviated")(copy)
        (aside,) = store.import_([tmp_path / "b"]).aside
        assert "with another result" in aside.why
        assert store.page().items[0].run.verdict == "held"


def test_a_folder_that_was_moved_is_found_again(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "a")
    with History.open(f"sqlite:///{tmp_path}/history.db") as store:
        store.put(folder)
        (tmp_path / "b").mkdir()
        moved = folder.rename(tmp_path / "b" / folder.name)
        assert store.import_([tmp_path / "b"]).changed == 1
        assert store.page().items[0].run.folder == str(moved)


def test_a_day_that_is_broken_is_put_aside(tmp_path: Path) -> None:
    day = day_folder(tmp_path / "runs", [run_folder(tmp_path / "runs")])
    (day / "day.json").write_text("{}")
    with History.open(f"sqlite:///{tmp_path}/history.db") as store:
        done = store.import_([tmp_path / "runs"])
    assert done.added == 1
    assert "no game day of this version" in done.aside[0].why


def test_the_flow_run_of_an_older_run_is_read_from_its_page(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    _json(
        links={"prefect": f"http://127.0.0.1:4200/runs/flow-run/{UUID}", "dashboard": None, "report": None}
    )(folder)
    with History.open(f"sqlite:///{tmp_path}/history.db") as store:
        store.put(folder)
        found = store.get(UUID)
    assert found is not None
    assert found.run.run_id == folder.name
