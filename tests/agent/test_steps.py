"""The journal of a whole order: what follows what, and that every fault which was injected is followed by its end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from chaos.agent.record import Record
from chaos.agent.timeline import Ending, Timeline
from chaos.analysis.record import Record as Judged
from chaos.analysis.timeline import Timeline as Measured
from chaos.errors import FaultError, InjectionError
from chaos.events import Clock, Event
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.manifests.load import load
from chaos.namespaces import kernel
from chaos.planning.plan import plan
from chaos.run_spec.model import RunSpec
from tests.agent.servers import free_port
from tests.lab import ROOT, Lab

SOON_S = 30.0
DAEMON = """\
import os, socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
if os.fork():
    time.sleep(0.2)
    os._exit(0)
os.setsid()
open("pid", "w").write(str(os.getpid()))
time.sleep(30)
"""
DYING = """\
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
s.accept()
import flask_of_nowhere
"""
OBSERVED = ("usage.sampled", "probe.sampled", "fault.measured", "log.captured")


@dataclass(frozen=True, kw_only=True)
class Mark(Fault):
    """Leaves a mark while it is held: a file. `how` says what goes wrong."""

    type: Literal["mark"] = "mark"
    path: str
    how: str = "well"

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        if self.how == "not injected":
            raise InjectionError("it does not take")
        with target.undo("the mark", self._undo):
            Path(self.path).touch()
            if self.how == "half injected":
                raise InjectionError("it does not stay")
            yield Injection("touch", "real", {}, self._observe, 0.05)
            if self.how == "a mount is left":
                kernel.mount("tmpfs", str(Path(self.path).parent / "mounted"), "tmpfs")
            if self.how == "a process is left":
                os.posix_spawnp("sleep", ["sleep", "60"], os.environ)

    def _observe(self) -> Sample:
        if self.how == "lost sight of":
            raise FaultError("it has gone")
        if self.how == "a mistake of ours":
            raise ZeroDivisionError("a mistake of ours")
        return {"there": Path(self.path).exists()}

    def _undo(self) -> None:
        if self.how == "not undone":
            raise OSError(28, "it sticks")
        if self.how != "a file is left":
            Path(self.path).unlink()

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        return Delivered({}, None, None, len(samples), True, "it is about the journal")

    def met(self, samples: Sequence[Sample]) -> Met:
        return Met.counted(len(samples), None, "looks at the mark", "nobody looked")


class Stage:
    """One order, to be carried out in this process; its app sleeps."""

    def __init__(self, folder: Path, *methods: Mapping[str, Any], **order: Any) -> None:
        made = Lab(folder)
        look = {"type": "process", "process": "web", "every": "50ms"}
        manifest = made.manifest(
            process={"name": "web", "command": ["sleep", "60"]},
            steadyState=[{"name": "up", "probe": look, "tolerance": {"running": True}}],
            method=[{"name": "dead", "fault": {"type": "process_kill", "process": "web"}, "hold": "1s"}],
        )
        (loaded,) = load(manifest)
        self.order = {
            **plan(loaded).order("test"),
            "app": str(folder / "app"),
            "disk_paths": [str(folder)],
            "baseline_s": 0.4,
            "recovery_s": 0.2,
            "lease_s": SOON_S,
            **order,
        }
        (step,) = self.order["method"]
        if methods:
            self.order["method"] = [
                {**step, "name": f"step {index}", "hold_s": 0.3, "fault": dict(fault)}
                for index, fault in enumerate(methods)
            ]
        self.folder = folder
        self.path = folder / "journal.ndjson"

    def play(self, meanwhile: Callable[["Stage"], Awaitable[None]] | None = None) -> Ending:
        """Carry it out."""

        async def both() -> Ending:
            record = Record(str(self.path), Clock())
            work = asyncio.create_task(Timeline(RunSpec.of_journal(self.order), self.folder, record).run())
            if meanwhile is not None:
                await meanwhile(self)
            async with asyncio.timeout(SOON_S):
                return await work

        return asyncio.run(both())

    def events(self) -> list[Event]:
        return [Event.from_line(line) for line in self.path.read_bytes().splitlines()]

    def types(self) -> list[str]:
        return [event.type for event in self.events() if event.type not in OBSERVED]

    def only(self, type_: str) -> Event:
        (event,) = [event for event in self.events() if event.type == type_]
        return event

    async def until(self, type_: str) -> None:
        async with asyncio.timeout(SOON_S):
            while not self.path.exists() or type_ not in self.types():
                await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def _mark_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chaos.faults.mark", sys.modules[__name__])


def mark(folder: Path, how: str = "well") -> dict[str, Any]:
    return {"type": "mark", "path": str(folder / ".chaoslab-mark"), "how": how}


BEGINNING = [
    "process.started",
    "target.ready",
    "phase.started",
    "phase.ended",
    "baseline.judged",
    "phase.started",
]


def test_a_warm_up_comes_before_the_baseline_and_is_not_judged(tmp_path: Path) -> None:
    """Its app does what the steady state forbids until it is warm: were that judged, nothing would be injected."""
    warm = {"type": "command", "command": ["test", "-e", str(tmp_path / "warm")], "every": "20ms"}
    stage = Stage(tmp_path, mark(tmp_path), warmup_s=0.6)
    state = {**stage.order["steady_state"][0], "tolerance": {"exit_code": 0}}
    stage.order["steady_state"] = [{**state, "probe": {**warm, "every": 0.02, "timeout": 1.0}}]
    stage.order["stop_when"] = [
        {"probe": {**warm, "every": 0.02, "timeout": 1.0}, "tolerance": {"exit_code": 0}, "for_s": 0.1}
    ]

    async def get_warm(stage: Stage) -> None:
        await stage.until("phase.started")
        await asyncio.sleep(0.3)  # in the middle of the warm-up
        (tmp_path / "warm").touch()

    assert stage.play(get_warm) == Ending("completed", "every phase ran to its end")
    phases = [event for event in stage.events() if event.type in ("phase.started", "phase.ended")]
    assert [each.data["phase"] for each in phases[::2]] == ["warmup", "baseline", "fault", "recovery"]
    cold = [each for each in stage.events() if each.type == "probe.sampled" and each.at < phases[1].at]
    assert any(each.data["value"] and each.data["value"]["exit_code"] for each in cold)
    assert stage.only("baseline.judged").data["steady"]
    spans = Measured(Judged(stage.events())).spans
    assert [each.name for each in spans] == ["baseline", "fault", "recovery"]
    assert spans[0].start >= phases[1].at


def test_a_daemon_whose_parent_goes_once_it_serves_is_told_of_before_anything_is_injected(
    tmp_path: Path,
) -> None:
    port = free_port()
    stage = Stage(tmp_path, mark(tmp_path))
    (web,) = stage.order["processes"]
    stage.order["processes"] = [{**web, "port": port, "command": [sys.executable, "-c", DAEMON, str(port)]}]
    stage.order["steady_state"][0]["budget"] = 1.0
    ending = stage.play()
    os.kill(int((tmp_path / "app/pid").read_text()), signal.SIGKILL)
    assert (ending.outcome, "went to the background" in ending.why) == ("crashed", True), ending
    assert "fault.injected" not in stage.types()


def test_an_app_that_dies_once_it_listens_is_why_the_baseline_was_not_steady(tmp_path: Path) -> None:
    port = free_port()
    stage = Stage(tmp_path, mark(tmp_path))
    (web,) = stage.order["processes"]
    stage.order["processes"] = [{**web, "port": port, "command": [sys.executable, "-c", DYING, str(port)]}]
    ending = stage.play()
    assert ending.outcome == "not_injected", ending
    assert "process web ended (exit code 1): Python finds no module 'flask_of_nowhere'" in ending.why, ending
    assert stage.only("baseline.judged").data["why"] == ending.why


def test_an_order_that_runs_to_its_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path, mark(tmp_path), mark(tmp_path))
    assert stage.play() == Ending("completed", "every phase ran to its end")
    fault = ["fault.injected", "fault.recovered"]
    assert stage.types() == [*BEGINNING, *fault, *fault, "phase.ended", "phase.started", "phase.ended"]
    phases = [event.data["phase"] for event in stage.events() if event.type == "phase.started"]
    assert phases == ["baseline", "fault", "recovery"]
    for injected, recovered in pairs(stage):
        assert recovered.data["because"] == "held"
        assert recovered.data["residue"] == []
        assert recovered.at >= recovered.data["began_at"] > injected.at + 0.299
    measured = [event for event in stage.events() if event.type == "fault.measured"]
    assert len(measured) >= 4
    assert all(event.data["there"] for event in measured)


def pairs(stage: Stage) -> list[tuple[Event, Event]]:
    """Every injection with its end."""
    of = {
        type_: [event for event in stage.events() if event.type == type_]
        for type_ in ("fault.injected", "fault.recovered")
    }
    assert [e.data["step"] for e in of["fault.injected"]] == [e.data["step"] for e in of["fault.recovered"]]
    return list(zip(*of.values(), strict=True))


@pytest.mark.parametrize(
    ("how", "outcome", "stage_of_failure", "words"),
    [
        ("not injected", "not_injected", "inject", "it does not take"),
        ("half injected", "not_injected", "inject", "it does not stay"),
        ("lost sight of", "completed", "hold", "it has gone"),
        ("not undone", "completed", "recover", "could not undo the mark: "),
    ],
)
def test_a_fault_that_fails_is_undone_and_ends_the_method(
    tmp_path: Path, how: str, outcome: str, stage_of_failure: str, words: str
) -> None:
    stage = Stage(tmp_path, mark(tmp_path, how), mark(tmp_path))
    assert stage.play().outcome == outcome
    failed = stage.only("fault.failed")
    assert failed.data["stage"] == stage_of_failure
    assert words in failed.data["why"]
    assert len(pairs(stage)) == (stage_of_failure != "inject")
    for _, recovered in pairs(stage):
        assert recovered.data["because"] == "failed"
    assert Path(mark(tmp_path)["path"]).exists() is (how == "not undone")
    assert "recovery" not in [event.data.get("phase") for event in stage.events()]


def test_a_mistake_of_ours_is_not_hidden_and_still_undone(tmp_path: Path) -> None:
    stage = Stage(tmp_path, mark(tmp_path, "a mistake of ours"))
    stage.order["method"][0]["hold_s"] = 60.0  # it is made at the first look, whenever that comes
    with pytest.raises(ZeroDivisionError):
        stage.play()
    ((_, recovered),) = pairs(stage)
    assert recovered.data["because"] == "failed"
    assert not Path(mark(tmp_path)["path"]).exists()


def test_a_mistake_of_ours_beside_another_step_ends_that_one_and_is_not_hidden(tmp_path: Path) -> None:
    """It was printed and forgotten, and a run whose side step had vanished could be called held."""
    (tmp_path / "beside").mkdir()
    stage = Stage(tmp_path, mark(tmp_path), mark(tmp_path / "beside", "a mistake of ours"))
    long, wrong = stage.order["method"]
    long["hold_s"] = 60.0
    wrong["start_s"] = 0.1
    with pytest.raises(ZeroDivisionError):
        stage.play()
    ended = {
        event.data["step"]: event.data["because"]
        for event in stage.events()
        if event.type == "fault.recovered"
    }
    assert ended == {"step 0": "failed", "step 1": "failed"}
    assert not Path(mark(tmp_path)["path"]).exists()
    assert not Path(mark(tmp_path / "beside")["path"]).exists()


def test_a_stop_ends_the_fault_and_the_run(tmp_path: Path) -> None:
    stage = Stage(tmp_path, mark(tmp_path), mark(tmp_path))
    stage.order["method"][0]["hold_s"] = 60.0

    async def stop(stage: Stage) -> None:
        await stage.until("fault.injected")
        (stage.folder / "stop").write_text("enough")

    assert stage.play(stop) == Ending("aborted", "enough")
    assert stage.types() == [*BEGINNING, "fault.injected", "stop.requested", "fault.recovered", "phase.ended"]
    recovered = stage.only("fault.recovered")
    assert recovered.data["because"] == "stopped"
    assert recovered.at - stage.only("stop.requested").at < 1.0


def test_a_lease_that_lapses_ends_the_fault_and_the_run(tmp_path: Path) -> None:
    stage = Stage(tmp_path, mark(tmp_path), lease_s=1.0)
    stage.order["method"][0]["hold_s"] = 60.0
    assert stage.play().outcome == "aborted"
    assert stage.only("fault.recovered").data["because"] == "lease"


def test_a_stop_while_the_app_starts(tmp_path: Path) -> None:
    stage = Stage(tmp_path, mark(tmp_path))
    stage.order["processes"][0]["ready"] = {"type": "tcp", "port": 1}

    async def stop(stage: Stage) -> None:
        await stage.until("process.started")
        (stage.folder / "stop").touch()

    assert stage.play(stop) == Ending("aborted", "stopped by the controller")
    assert stage.types() == ["process.started", "stop.requested"]


@pytest.mark.parametrize("how", ["a file is left", "not undone"])
def test_a_file_that_is_left_is_named(tmp_path: Path, how: str) -> None:
    stage = Stage(tmp_path, mark(tmp_path, how))
    stage.play()
    assert stage.only("fault.recovered").data["residue"] == [f"file {tmp_path}/.chaoslab-mark"]


def test_a_process_that_is_left_is_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path, mark(tmp_path, "a process is left"))
    stage.play()
    (line,) = stage.only("fault.recovered").data["residue"]
    assert line.startswith("process ")
    pid = int(line.split()[1])
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_commands_of_probes_are_no_residue(tmp_path: Path) -> None:
    stage = Stage(tmp_path, *[mark(tmp_path)] * 4, baseline_s=2.0)
    slow = {"type": "command", "command": ["sh", "-c", "sleep 0.2; true"], "every": 0.05, "timeout": 5.0}
    look = {**stage.order["steady_state"][0], "name": "slow", "probe": slow, "tolerance": {"exit_code": 0}}
    stage.order["steady_state"].append(look)
    assert stage.play().outcome == "completed"
    assert [recovered.data["residue"] for _, recovered in pairs(stage)] == [[]] * 4


def test_a_mount_that_is_left_is_named(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    # In a mount namespace of its own, which goes with the program: see the end of this file.
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    command = [*alone, sys.executable, "-m", "tests.agent.test_steps", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)
    assert line.startswith("mount ")
    assert f" {tmp_path}/mounted" in line


if __name__ == "__main__":
    sys.modules["chaos.faults.mark"] = sys.modules[__name__]
    where = Path(sys.argv[1])
    leaving = Stage(where, mark(where, "a mount is left"))
    leaving.play()
    print(json.dumps(leaving.only("fault.recovered").data["residue"]))
