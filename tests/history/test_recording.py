"""A run is in the history when it has ended; and a history that is away costs it nothing but a sentence."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chaos.cli.main import cli
from chaos.history.recording import record
from chaos.history.store import History
from tests import lab as labs
from tests.history.folders import run_folder
from tests.lab import folder_of


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("POSTGRES_URL", raising=False)
    return tmp_path / "state"


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://a:planted-secret@127.0.0.1:{server.getsockname()[1]}/db"


def test_it_is_taken_in(tmp_path: Path) -> None:
    said: list[str] = []
    folder = run_folder(tmp_path)
    assert asyncio.run(record(folder, said.append, within_s=60))
    assert said == []
    with History.open() as store:
        assert store.get(folder.name) is not None


def test_a_store_that_does_not_answer_is_waited_for_no_longer(
    tmp_path: Path, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_URL", silent)
    said: list[str] = []
    began = time.monotonic()
    assert not asyncio.run(record(run_folder(tmp_path), said.append, within_s=0.5))
    assert time.monotonic() - began < 3
    assert len(said) == 1
    assert "not in the history" in said[0]
    assert "chaoslab history import" in said[0]
    assert "planted-secret" not in said[0]


@pytest.mark.parametrize("what", ["a folder", "another file", "wrong address", "a broken run"])
def test_what_is_wrong_is_said_with_the_remedy(
    what: str, tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder(tmp_path)
    if what == "a folder":
        (state / "console" / "history.db").mkdir(parents=True)
    elif what == "another file":
        (state / "console").mkdir(parents=True)
        (state / "console" / "history.db").write_text("something else" * 100)
    elif what == "wrong address":
        monkeypatch.setenv("POSTGRES_URL", "mysql://a:planted-secret@b/c")
    else:
        (folder / "result.json").write_text("{")
    said: list[str] = []
    assert not asyncio.run(record(folder, said.append))
    (line,) = said
    assert line.startswith("not in the history: ")
    assert line.endswith(f"later: chaoslab history import {folder}")
    assert "planted-secret" not in line


def test_a_run_from_its_beginning_to_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with labs.lab(tmp_path) as lab:
        monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path / ".local" / "state" / "chaoslab"))
        done = lab.run(lab.manifest())
        assert (done.code, done.err) == (0, ""), done
        folder = folder_of(lab)
        (line,) = _history("list", "--json").output.splitlines()
        said = json.loads(line)["run"]
        assert (said["run_id"], said["verdict"], said["started_by"]) == (folder.name, "held", "terminal")
        assert said["source"].endswith("one.yaml")
        _through_the_verb(lab.runs, folder)


def _history(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["history", *map(str, arguments)])


def _through_the_verb(runs: Path, folder: Path) -> None:
    assert f"{folder.name}: held (completed)" in _history("show", folder.name).output
    assert _history("show", folder.name, "--json").output == (folder / "result.json").read_text()
    assert "1 run(s), 0 problem(s)" in _history("check", runs, "--deep").output
    assert "0 added, 0 changed, 1 were there already" in _history("import", runs).output
    assert json.loads(_history("export").output)["run"]["run_id"] == folder.name
    for arguments, words in (
        (("show", "nobody"), "no such run"),
        (("list", "--after", "x"), "cursor: expected"),
        (("list", "--label", "x"), "KEY=VALUE"),
        (("prune",), "CHAOSLAB_HISTORY_KEEP"),
        (("prune", "--keep", "all"), "expected such as"),
    ):
        refused = _history(*arguments)
        assert (refused.exit_code, words in refused.output) == (2, True), refused.output
    assert _history("prune", "--keep", "journals 0h").output.startswith(
        "1 journal(s) and 0 result(s) removed"
    )
    assert "pruned    journal.ndjson" in _history("show", folder.name).output


def test_the_command_line_begins_without_the_store() -> None:
    asked = "import sys, flows.main; print({'sqlalchemy', 'chaos.history.store'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
