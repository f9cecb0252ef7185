"""What a process's command started is its tree, wherever that went, and ends with it: real runs behind the wall."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos import api
from chaos.agent import procfs
from chaos.agent.lineage import Lineage
from chaos.agent.wall import InTheOpen
from chaos.analysis.result import Result
from chaos.events import Event
from chaos.runs.journal import Journal
from tests import lab as labs
from tests.lab import Lab

# Strays by all the ways out of a tree that a process has, then a server; at its start it says who of them lives.
STRAYS = """
import os, subprocess, sys
from pathlib import Path
def sleepers():
    lines = [path.joinpath("cmdline").read_bytes() for path in Path("/proc").iterdir() if path.name.isdigit()]
    return sum(line.startswith(b"sleep\\0") for line in lines)
print("strays:", sleepers(), flush=True)
subprocess.Popen(["sleep", "1001"])
subprocess.Popen(["setsid", "sleep", "1002"], env={})
subprocess.Popen(["sh", "-c", "sleep 1003 & sleep 1004 &"]).wait()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvpe("sleep", ["sleep", "1005"], {})
    os._exit(0)
os.wait()
exec(open("server.py").read())
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(made.boxes))
        (made.folder / "app/strays.py").write_text(STRAYS)
        yield made


def carried_out(lab: Lab, **process: Any) -> tuple[Result, list[Event]]:
    """One kill of a process that leaves five strays, and what became of them."""
    web = {
        "name": "web",
        "command": ["python3", "-S", "strays.py"],
        "port": 8000,
        "restart": "always",
        **process,
    }
    manifest = lab.manifest(process=web, steadyState=[labs.HEALTHY], method=[{**labs.KILL, "hold": "2s"}])
    result = api.run_sync(api.plan(manifest), lab.runs, publish=False)
    return result, list(Journal(lab.runs / result.run_id / "journal.ndjson").events())


def strays(events: list[Event]) -> list[str]:
    lines = (event.data["line"] for event in events if event.type == "log.captured")
    return [line for line in lines if line.startswith("strays:")]


def test_whatever_a_process_leaves_behind_ends_before_its_next_life(lab: Lab) -> None:
    result, events = carried_out(lab)
    assert strays(events) == ["strays: 0", "strays: 0"]
    (left,) = [event.data for event in events if event.type == "process.left"]
    assert (left["processes"], left["alive"], left["kept"]) == (5, 0, False)
    assert left["names"] == ["sleep"]
    (again,) = [event for event in events if event.type == "process.started" and event.data["restarts"] == 1]
    assert again.seq > next(event.seq for event in events if event.type == "process.left")
    assert result.steps[0].landed, result.steps[0].why


def test_who_means_it_keeps_them_and_the_result_says_so(lab: Lab) -> None:
    result, events = carried_out(lab, leftovers="keep")
    assert strays(events) == ["strays: 0", "strays: 5"]
    (left,) = [event.data for event in events if event.type == "process.left"]
    assert (left["processes"], left["alive"], left["kept"]) == (5, 5, True)
    assert any(
        "were kept, as asked: 5 processes" in finding.why and "sleep" in finding.why
        for finding in result.findings
    )


@pytest.mark.parametrize("leftovers", ["kill", "keep"])
def test_a_kill_of_a_wrapper_lands_when_its_server_ends_with_it(lab: Lab, leftovers: str) -> None:
    wrapper = ["sh", "-c", "python3 -S server.py; echo ended"]
    result, events = carried_out(lab, command=wrapper, leftovers=leftovers)
    (step,) = result.steps
    ends = [event for event in events if event.type == "process.exited"]
    if leftovers == "kill":
        assert step.landed, step.why
        assert "which served, ended with it" in step.why
        assert len(ends) == 1, "what came back found its port free"
    else:
        assert not step.landed
        assert "what serves port 8000 was not hit: python3" in step.why
        assert result.verdict == "inconclusive"


def test_in_the_open_it_is_the_session(tmp_path: Path) -> None:
    """Without a wall: who stays in the session is told, also without a parent."""

    async def scene() -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        script = f"({sys.executable} -c 'import time; time.sleep(60)' &); exec sleep 60"
        child = await InTheOpen().spawn(["sh", "-c", script], cwd=str(tmp_path), env={}, output=(null, null))
        life = Lineage(child, None)
        async with asyncio.timeout(10):
            while len(life.pids(procfs.everyone())) < 2:
                await asyncio.sleep(0.01)
        assert life.pids(procfs.everyone())[0] == child.pid
        os.kill(child.pid, signal.SIGKILL)
        life.over = True
        assert await life.end() == {}
        assert life.pids(procfs.everyone()) == []
        child.wait()
        life.close()
        os.close(null)

    asyncio.run(scene())
