"""Processes of the app: started, watched, restarted, written down."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from chaos.agent.record import Record
from chaos.agent.supervisor import Supervisor
from chaos.events import Clock
from chaos.run_spec.model import RunSpec

MIB = 2**20


class Stage:
    """A supervisor over given processes, and what it wrote."""

    def __init__(self, folder: Path, *processes: dict[str, Any]) -> None:
        self._journal = folder / "journal.ndjson"
        order = {"app": str(folder), "memory_limit_bytes": 64 * MIB, "processes": list(processes)}
        self.supervisor = Supervisor(RunSpec.of_journal(order), Record(str(self._journal), Clock()))

    def of(self, type_: str) -> list[dict[str, Any]]:
        events = [json.loads(line) for line in self._journal.read_text().splitlines()]
        return [event["data"] for event in events if event["type"] == type_]

    async def until(self, type_: str, count: int = 1) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while len(found := self.of(type_)) < count:
                await asyncio.sleep(0.005)
        return found[count - 1]


def play(stage: Stage, scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            await scene()
        finally:
            await stage.supervisor.end()

    asyncio.run(whole())


def process(name: str, script: str, restart: str = "never", **more: Any) -> dict[str, Any]:
    return {"name": name, "command": ["sh", "-c", script], "restart": restart, **more}


def test_a_killed_process_is_seen_at_once_and_started_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, process("web", "sleep 60", "always"))

    async def scene() -> None:
        await stage.supervisor.start("web")
        first = stage.supervisor.processes["web"].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        exited = await stage.until("process.exited")
        assert exited == {
            "process": "web", "pid": first, "exit_code": None, "signal": "SIGKILL", "restart_in_s": 0.1,
        }  # fmt: skip
        again = await stage.until("process.started", 2)
        assert again["restarts"] == 1
        assert again["pid"] != first

    play(stage, scene)


def test_the_pause_before_a_restart_doubles(tmp_path: Path) -> None:
    stage = Stage(tmp_path, process("web", "exit 1", "always"))

    async def scene() -> None:
        await stage.supervisor.start("web")
        await stage.until("process.exited", 4)
        assert [each["restart_in_s"] for each in stage.of("process.exited")[:4]] == [0.1, 0.2, 0.4, 0.8]

    play(stage, scene)


@pytest.mark.parametrize(
    ("restart", "script", "again"),
    [
        ("never", "exit 1", False),
        ("on-failure", "exit 0", False),
        ("on-failure", "exit 1", True),
        ("always", "exit 0", True),
    ],
)
def test_the_manifest_decides_about_restarts(tmp_path: Path, restart: str, script: str, again: bool) -> None:
    stage = Stage(tmp_path, process("web", script, restart))

    async def scene() -> None:
        await stage.supervisor.start("web")
        exited = await stage.until("process.exited")
        assert (exited["restart_in_s"] is not None) is again

    play(stage, scene)


def test_what_cannot_be_started_again_is_said_and_tried_again(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.symlink_to("/bin/sleep")
    stage = Stage(tmp_path, {"name": "web", "command": [str(program), "60"], "restart": "always"})

    async def scene() -> None:
        await stage.supervisor.start("web")
        program.unlink()
        os.kill((await stage.until("process.started"))["pid"], signal.SIGKILL)
        failed = await stage.until("process.failed", 2)
        assert failed["process"] == "web"
        assert failed["why"] == f"{program}: No such file or directory"
        program.symlink_to("/bin/sleep")
        again = await stage.until("process.started", 2)
        assert again["restarts"] == 1
        assert [each["restart_in_s"] for each in stage.of("process.failed")[:2]] == [0.2, 0.4]

    play(stage, scene)


def test_its_last_words_and_how_it_ended_are_known(tmp_path: Path) -> None:
    stage = Stage(tmp_path, process("web", "echo first; echo no such database >&2; kill -35 $$"))

    async def scene() -> None:
        await stage.supervisor.start("web")
        assert (await stage.until("process.exited"))[
            "signal"
        ] == "signal 35"  # a real-time one, without a name
        assert (await stage.supervisor.last_words("web")).last == "no such database"
        assert stage.supervisor.processes["web"].over

    play(stage, scene)


def test_its_end_is_seen_while_a_child_still_holds_its_output(tmp_path: Path) -> None:
    stage = Stage(tmp_path, process("web", "sleep 2 & exit 7"))

    async def scene() -> None:
        await stage.supervisor.start("web")
        exited = await stage.until("process.exited")
        assert exited["exit_code"] == 7

    play(stage, scene)


def test_output_is_journaled_by_line_and_a_flood_is_counted_not_kept(tmp_path: Path) -> None:
    script = (
        "echo first >&2; i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done; sleep 1.1; echo last"
    )
    stage = Stage(tmp_path, process("web", script))

    async def scene() -> None:
        await stage.supervisor.start("web")
        async with asyncio.timeout(10):
            while "last" not in [each["line"] for each in stage.of("log.captured")]:
                await asyncio.sleep(0.01)
        lines = stage.of("log.captured")
        assert {"process": "web", "stream": "stderr", "line": "first"} in lines
        counted = stage.of("log.counted")[-1]
        assert counted["left_out"] + len(lines) == 1002
        assert len(lines) < 700

    play(stage, scene)


def test_a_process_runs_where_and_with_what_the_manifest_says(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    stage = Stage(tmp_path, process("web", "pwd; echo $COLOUR", cwd="sub", env={"COLOUR": "green"}))

    async def scene() -> None:
        await stage.supervisor.start("web")
        await stage.until("log.captured", 2)
        assert [each["line"] for each in stage.of("log.captured")] == [str(tmp_path / "sub"), "green"]

    play(stage, scene)


def test_pids_are_main_first_and_then_the_whole_family(tmp_path: Path) -> None:
    stage = Stage(tmp_path, process("web", "sleep 60 & echo up; wait"))

    async def scene() -> None:
        await stage.supervisor.start("web")
        await stage.until("log.captured")
        family = stage.supervisor.pids("web")
        assert family[0] == stage.supervisor.processes["web"].pid
        assert len(family) == 2

    play(stage, scene)


def test_without_a_control_group_the_agent_is_the_limit_and_says_emulated(tmp_path: Path) -> None:
    hog = "b = bytearray(96 * 2**20); b[::4096] = b'x' * len(b[::4096]); print('full', flush=True); input()"
    stage = Stage(tmp_path, {"name": "web", "command": [sys.executable, "-S", "-c", hog], "restart": "never"})

    async def scene() -> None:
        await stage.supervisor.start("web")
        budget = stage.supervisor.budget
        assert budget.kind == "emulated"
        async with asyncio.timeout(10):
            while (done := budget.enforce()) is None:
                await asyncio.sleep(0.01)
        assert done["bytes"] > 60 * MIB
        assert (await stage.until("process.exited"))["signal"] == "SIGKILL"

    play(stage, scene)
