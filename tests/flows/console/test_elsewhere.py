"""A worker without our files, over TCP: what it delivers while it runs, the line cut, the console gone and back."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.server.api import Api
from tests.flows.conftest import environment
from tests.flows.console.cable import Cable, cable
from tests.flows.console.served import BASE, Console, served, token
from tests.flows.console.watching import Viewer, projected
from tests.lab import ROOT
from tests.prometheus_fixture import free_port

pytestmark = pytest.mark.timeout(300)
JOURNAL = ROOT / "tests/journals/held.ndjson"


class Worker:
    """A process in a mount namespace of its own: its folders are nobody else's to see."""

    def __init__(self, folder: Path, console: str, token: str) -> None:
        (folder / "seen").mkdir(parents=True)
        replaying = f"{sys.executable} -m tests.flows.console.replaying {folder}/seen/runs {JOURNAL}"
        inside = f"mount -t tmpfs none {folder}/seen && exec {replaying}"
        self.env = {
            **os.environ,
            "CHAOSLAB_STATE_DIR": str(folder / "state"),
            "CHAOSLAB_CONSOLE_URL": console,
            "CHAOSLAB_CONSOLE_TOKEN": token,
        }
        self.process = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", inside],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.env, cwd=ROOT,
        )  # fmt: skip
        where, lines = self.read().split()
        self.folder, self.lines = Path(where), int(lines)
        self.run_id = self.folder.name

    def read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line, "the worker ended"
        return line

    def write(self, lines: int) -> float:
        """When they had been written."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{lines}\n")
        self.process.stdin.flush()
        return float(self.read().removeprefix("wrote "))

    def ask(self, word: str) -> list[str]:
        """Everything that it says to that."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        said = [self.read()]
        while not said[-1].startswith("pushed "):
            said.append(self.read())
        return said

    def bye(self) -> None:
        assert self.process.stdin is not None
        with self.process:
            self.process.stdin.close()
        assert self.process.returncode == 0

    def end(self) -> tuple[float, dict[str, Any]]:
        """How long its delivery took at the end, and what the result says of it."""
        assert self.process.stdin is not None
        self.process.stdin.write("end\n")
        self.process.stdin.flush()
        while not (line := self.read()).startswith("ended "):
            pass
        _, took, said = line.split(" ", 2)
        return float(took), json.loads(said)


@contextmanager
def working(tmp_path: Path, console: str, made: str) -> Iterator[Worker]:
    worker = Worker(tmp_path / "worker", console, made)
    try:
        yield worker
    finally:
        with worker.process:
            worker.process.kill()


@pytest.fixture
def line() -> Iterator[Cable]:
    with cable() as made, environment(CHAOSLAB_CONSOLE_HOSTS=f"127.0.0.1:{made.port}"):
        yield made


@pytest.fixture
def started() -> Iterator[ExitStack]:
    """What is ended with the test."""
    with ExitStack() as stack:
        yield stack


def test_live_cut_restarted_and_complete(
    prefect_server: Api, line: Cable, tmp_path: Path, started: ExitStack
) -> None:
    port, out = free_port(), tmp_path / "runs"
    with served(out, port=port) as console:
        line.mend(port)
        made = token("worker")
        worker = started.enter_context(working(tmp_path, f"http://127.0.0.1:{line.port}", made))
        worker.write(20)
        _seen_live(console, worker.run_id)
        viewer = Viewer(console.url, worker.run_id)
        lag = _lag(viewer, worker, 60)
        line.cut()
        worker.write(40)
        line.mend(port)
        again = _lag(viewer, worker, 20)
        assert (lag < 1.0, again < 3.0) == (True, True), (
            lag,
            again,
        )  # it tries again every 2 s at the latest
    worker.write(30)
    with served(out, port=port) as console:
        took, said = worker.end()
        viewer.thread.join(30)
        run = console.get(f"/runs/{worker.run_id}")
        journal = console.ask("GET", f"/runs/{worker.run_id}/artifacts/journal.ndjson", 200).content
        assert (took < 3.0, said["console"]["complete"]) == (True, True), said
        assert (run["state"], run["delivery"]["journal"], run["verdict"]) == ("ended", "whole", "held")
        assert run["delivery"]["why"] == ""
        assert viewer.repeated == []
        assert {id: data for id, (_, data) in viewer.found.items()} == projected(journal, tmp_path)
        assert journal.count(b"\n") == worker.lines
        assert {each["name"] for each in console.get(f"/runs/{worker.run_id}/artifacts")["items"]} >= {
            "journal.ndjson", "result.json", "report.html",
        }  # fmt: skip
        assert console.get(f"/runs/{worker.run_id}/result")["verdict"] == "held"
        worker.bye()


def _seen_live(console: Console, run_id: str) -> None:
    until = time.monotonic() + 20
    while console.client.get(f"{BASE}/runs/{run_id}").status_code == 404:
        assert time.monotonic() < until
        time.sleep(0.05)
    run = console.get(f"/runs/{run_id}")
    assert (run["state"], run["delivery"]["journal"]) == ("running", "partial")
    assert run_id in [each["run_id"] for each in console.get("/runs?state=live")["items"]]


def _lag(viewer: Viewer, worker: Worker, lines: int) -> float:
    """Seconds from the last line's writing to the viewer's hearing of it."""
    number = len(viewer.found)
    wrote = worker.write(lines)
    last = 0.0
    while last < wrote or len(viewer.found) == number:
        _, last = viewer.came.get(timeout=20)
    return last - wrote


def test_a_console_that_was_down_gets_it_afterwards(prefect_server: Api, line: Cable, tmp_path: Path) -> None:
    """The run does not wait for it, says so with the command, and that command completes it."""
    made = token("worker")
    with working(tmp_path, f"http://127.0.0.1:{line.port}", made) as worker:
        worker.write(100)
        took, said = worker.end()
        assert took < 3.2
        assert said["console"]["later"] == f"chaoslab history push {worker.folder}"
        assert "cannot be reached" in said["console"]["why"]
        assert worker.ask("push")[-1] == "pushed 5 0"
        with served(tmp_path / "runs") as console:
            line.mend(console.port)
            pushed = worker.ask("push")
            assert pushed == [f"{worker.folder}: the console has everything", "pushed 0 1"]
            run = console.get(f"/runs/{worker.run_id}")
            assert (run["state"], run["delivery"]["journal"], run["verdict"]) == ("ended", "whole", "held")
            assert console.get("/runs")["items"][0]["run_id"] == worker.run_id
            assert worker.ask("push") == pushed
        worker.bye()
