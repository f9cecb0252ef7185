"""A worker on a machine apart, by a real run: its cable pulled and the console killed in the fault phase; none at all.

`make cut` pulls the cable for 20 s and says the figures.
"""

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from flows.server.api import Api
from tests.flows.conftest import environment
from tests.flows.console.apart import Apart, apart
from tests.flows.console.served import BASE, client, served, token
from tests.flows.console.watching import Viewer, projected
from tests.lab import KILL, ROOT, Lab
from tests.prometheus_fixture import free_port

CUT_S = float(os.environ.get("CUT_S", "3"))
REST_S = 14.0
"""Of the fault phase: until the line is heard of again, and until another console is there."""
SEEN = 30
"""Frames before the cable is pulled."""
FILES = {"journal.ndjson", "result.json", "report.html", "dashboard.json", "manifest.yaml"}
WITHIN_S = 60.0
pytestmark = [
    pytest.mark.paired,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may lay a cable"),
]


@pytest.fixture
def machine() -> Iterator[Apart]:
    with TemporaryDirectory(prefix="apart-") as folder, apart(Path(folder, "m")) as made:  # short: sockets
        yield made


@contextmanager
def console_of_its_own(machine: Apart, port: int, out: Path) -> Iterator["subprocess.Popen[str]"]:
    """A console in a process of its own, from its address on; dead at the latest after the block."""
    words = ["--no-worker", "--host", machine.host, "--port", str(port), "--out", str(out)]
    command = [sys.executable, "-m", "flows.main", "console", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stderr is not None
            assert any(line.startswith("console: ") for line in process.stderr)
            yield process
        finally:
            process.kill()


def until(what: Callable[[], Any], worker: "subprocess.Popen[str]") -> Any:
    """What it returns once that is something, while the run goes on."""
    end = time.monotonic() + WITHIN_S
    while not (found := what()):
        assert worker.poll() is None, worker.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def marks(viewer: Viewer, of: str = "mark") -> list[dict[str, Any]]:
    return [data for kind, data in list(viewer.found.values()) if kind == of]


def frames(viewer: Viewer) -> list[dict[str, Any]]:
    return marks(viewer, "frame")


def marked(viewer: Viewer, what: str) -> bool:
    return any(each["what"] == what for each in marks(viewer))


def show(*, live_s: list[float], caught_up_s: float) -> None:
    """For `make cut`."""
    print(
        f"frames, from their moment to a viewer: median {statistics.median(live_s):.2f} s, worst {max(live_s):.2f} s"
    )
    print(f"cable pulled for {CUT_S:g} s: live again {caught_up_s:.1f} s after it was put back")


def test_nothing_is_lost_by_a_pulled_cable_and_a_killed_console(
    prefect_server: Api, machine: Apart, tmp_path: Path
) -> None:
    port, opened = free_port(), f"Bearer {token('operator')}"
    url, runs = f"http://{machine.host}:{port}", machine.folder / "runs"
    kill = {**KILL, "hold": f"{CUT_S + REST_S}s"}
    manifest = Lab(tmp_path).manifest("apart", method=[kill])
    settings = {"CHAOSLAB_CONSOLE_URL": url, "CHAOSLAB_CONSOLE_TOKEN": token("worker")}
    with ExitStack() as ends:
        ends.enter_context(environment(CHAOSLAB_CONSOLE_HOSTS=f"{machine.host}:{port}"))
        first = ends.enter_context(console_of_its_own(machine, port, tmp_path / "runs"))
        me = ends.enter_context(client(url, authorization=opened))
        worker = ends.enter_context(
            machine.chaoslab("run", "--no-prefect", "--out", runs, manifest, **settings)
        )
        live = f"{BASE}/runs?state=live&experiment=apart"
        run_id = until(lambda: [each["run_id"] for each in me.get(live).json()["items"]], worker)[0]
        viewer = Viewer(url, run_id, authorization=opened)
        until(lambda: marked(viewer, "fault.injected") and len(viewer.behind) >= SEEN, worker)
        whole_line = list(viewer.behind.values())
        machine.cut()
        time.sleep(CUT_S)
        assert not marked(viewer, "fault.recovered")
        machine.mend()
        mended = time.time()
        until(lambda: any(data["at"] > mended for data in frames(viewer)), worker)
        caught_up_s = time.time() - mended
        first.kill()
        ends.enter_context(served(tmp_path / "runs", host=machine.host, port=port))
        back = time.time()
        _, said = worker.communicate(timeout=WITHIN_S)
        assert worker.returncode == 0, said
        viewer.thread.join(30)
        show(live_s=whole_line, caught_up_s=caught_up_s)
        assert statistics.quantiles(whole_line)[0] < 1.0  # on a busy machine a process may wait for so long
        assert (viewer.repeated, "not delivered" in said) == ([], False)
        folder = runs / run_id
        journal = machine.read(folder / "journal.ndjson")
        assert next(data["at"] for data in marks(viewer) if data["what"] == "fault.recovered") > back
        assert {id: data for id, (_, data) in viewer.found.items()} == projected(journal, tmp_path)
        complete(me, run_id, lambda name: machine.read(folder / name))


def test_a_run_that_no_console_saw_is_pushed_afterwards(
    prefect_server: Api, machine: Apart, tmp_path: Path
) -> None:
    port, opened = free_port(), f"Bearer {token('operator')}"
    url, runs = f"http://{machine.host}:{port}", machine.folder / "runs"
    manifest = Lab(tmp_path).manifest("unseen")
    settings = {"CHAOSLAB_CONSOLE_URL": url, "CHAOSLAB_CONSOLE_TOKEN": token("worker")}
    with machine.chaoslab("run", "--no-prefect", "--json", "--out", runs, manifest, **settings) as worker:
        _, said = worker.communicate(timeout=WITHIN_S)
    assert worker.returncode == 0, said
    command = re.search(r"chaoslab (history push \S+)", said)
    assert command, said
    with (
        environment(CHAOSLAB_CONSOLE_HOSTS=f"{machine.host}:{port}"),
        served(tmp_path / "runs", host=machine.host, port=port),
        client(url, authorization=opened) as me,
        machine.chaoslab(*command[1].split(), **settings) as pushing,
    ):
        assert pushing.wait(WITHIN_S) == 0
        folder = Path(command[1].split()[-1])
        complete(me, folder.name, lambda name: machine.read(folder / name))


def complete(me: httpx.Client, run_id: str, theirs: Callable[[str], bytes]) -> None:
    """Its verdict is in the history, and every file as it is there."""
    run = me.get(f"{BASE}/runs/{run_id}").json()
    assert (run["state"], run["verdict"], run["delivery"]["journal"]) == ("ended", "held", "whole")
    assert run["delivery"]["why"] == ""
    names = [each["name"] for each in me.get(f"{BASE}/runs/{run_id}/artifacts").json()["items"]]
    assert {*names} >= FILES
    for name in names:
        got = me.get(f"{BASE}/runs/{run_id}/artifacts/{name}").raise_for_status().content
        assert got == theirs(name), name
