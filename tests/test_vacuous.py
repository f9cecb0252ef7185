"""Runs that prove nothing are never held: carried out for real, each with the one thing wrong that its name says.

An unsteady baseline is in test_cli.py, an interrupted fault in test_interrupted.py; tests/journals has a hand-made run
for each.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis.result import Result
from chaos.events import Event
from chaos.manifests.load import load
from chaos.planning.plan import plan
from chaos.runner import stages as runner
from chaos.runner.observer import RunObserver
from chaos.runner.pipeline import Stages, carry_out
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.sandboxes import SandboxRef, connect
from tests import lab as labs
from tests.lab import Lab

SOON_S = 60.0
LOOK = {"type": "process", "process": "web", "every": "50ms"}
UP = {"name": "up", "probe": LOOK, "tolerance": {"running": True}}
FILL = {"type": "memory_pressure", "fill": "50%", "over": "100ms"}
SLEEPS = {"name": "web", "command": ["sleep", "60"]}
FORKS = {"name": "web", "command": ["sh", "-c", "while :; do sleep 0.05; done"]}
"""A fork asks for memory."""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(made.boxes))
        yield made


def nothing(_event: Event) -> None:
    """Nobody watches."""


def result_of(
    lab: Lab,
    fault: dict[str, Any],
    meanwhile: Callable[[Run], Awaitable[None]] | None = None,
    hold: str = "1500ms",
    process: dict[str, Any] = FORKS,
    beside: Sequence[dict[str, Any]] = (),
    states: list[dict[str, Any]] | None = None,
) -> Result:
    """A run whose target stays up, whatever happens: every steady state holds."""
    step = {"name": "the fault", "fault": fault, "hold": hold}
    target = {"app": "app", "processes": [process, *beside]}
    (loaded,) = load(lab.manifest(target=target, steadyState=states or [UP], method=[step]))
    drawn = plan(loaded)
    run = Run.new(drawn.name, lab.runs)

    async def both() -> None:
        work = asyncio.create_task(carry_out(drawn, run, Stages(RunObserver(nothing)), Stop()))
        if meanwhile is not None:
            await meanwhile(run)
        async with asyncio.timeout(SOON_S):
            await work

    asyncio.run(both())
    return runner.analyze(run)


async def until(run: Run, type_: str) -> Event:
    """The first event of that type, as soon as it is there."""
    async with asyncio.timeout(SOON_S):
        while not (found := run.journal.of(type_) if run.journal.path.exists() else []):
            await asyncio.sleep(0.01)
    return found[0]


async def inside(run: Run, *argv: str) -> bytes:
    """Run a command in the sandbox of the run; its output."""
    box = await connect(SandboxRef.from_json(run.journal.of("sandbox.opened")[0].data["ref"]))
    try:
        done = await box.run(argv, cwd="/")
    finally:
        await box.close()
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_nothing_else_is_wrong_with_such_a_run(lab: Lab) -> None:
    result = result_of(lab, FILL)
    assert (result.outcome, result.verdict) == ("completed", "held"), result.why


def test_an_injection_that_is_refused_inside(lab: Lab) -> None:
    result = result_of(lab, {"type": "cpu_stress", "cores": 64})
    assert (result.outcome, result.verdict, result.exit_code) == ("not_injected", "inconclusive", 3)
    assert "64 cores cannot be stressed" in result.why


def test_a_fault_that_somebody_ends_early(lab: Lab) -> None:
    async def end_it(run: Run) -> None:
        await until(run, "fault.measured")
        code = "import os, signal; from pathlib import Path\n"
        code += "hogs = [p for p in Path('/proc').glob('[0-9]*/cmdline') if b'pressing' in p.read_bytes()]\n"
        code += (
            "[os.kill(int(p.parent.name), signal.SIGKILL) for p in hogs if int(p.parent.name) != os.getpid()]"
        )
        await inside(run, "python3", "-c", code)

    result = result_of(lab, FILL, end_it)
    assert (result.verdict, result.exit_code) == ("inconclusive", 3), result.why
    assert "“the fault” did not land: " in result.why


def test_a_fault_that_nobody_felt(lab: Lab) -> None:
    result = result_of(lab, {"type": "clock_skew"}, process=SLEEPS)
    assert (result.outcome, result.verdict, result.exit_code) == ("completed", "inconclusive", 3)
    assert "web never asked the library for the time while it was wrong" in result.why


DB = {"name": "db", "command": ["python3", "-S", "server.py"], "port": 8000}
AND_BACK = {
    "name": "the dependency is back",
    "probe": {"type": "tcp", "port": 8000, "every": "50ms"},
    "tolerance": {"connected": True},
    "holds": "afterwards",
}
CONNECTS = "import socket as s; c = s.socket(); c.settimeout(0.2); c.connect_ex(('127.0.0.1', 8000))"


def command(code: str) -> dict[str, Any]:
    """A command that looks at something, and says that all is well."""
    looks = {"type": "command", "command": ["python3", "-I", "-S", "-c", code], "every": "300ms"}
    return {"name": "looked at", "probe": looks, "tolerance": {"exitCode": 0}}


@pytest.mark.parametrize("mode", ["refuse", "blackhole"])
def test_a_dependency_that_only_probes_ask(lab: Lab, mode: str) -> None:
    fault = {"type": "dependency_failure", "process": "db", "mode": mode}
    states = [UP, AND_BACK, command(CONNECTS)]
    result = result_of(lab, fault, hold="2s", process=SLEEPS, beside=[DB], states=states)
    assert (result.verdict, result.exit_code) == ("inconclusive", 3), result.why
    assert "the app sent nothing to `db`" in result.why
    (step,) = result.steps
    assert step.met is not None
    assert step.met.count == 0


def test_a_disk_that_only_a_probe_writes_to(lab: Lab) -> None:
    fault = {"type": "disk_full", "path": "/tmp", "leave": "1MiB"}
    states = [UP, command("open('/tmp/look', 'w').write('x')")]
    result = result_of(lab, fault, process=SLEEPS, states=states)
    assert (result.verdict, result.exit_code) == ("inconclusive", 3), result.why
    assert "the app wrote nothing to /tmp, but for what happened while commands of probes ran" in result.why


def test_an_agent_that_stood_still_for_a_while(lab: Lab) -> None:
    """What a machine that is suspended looks like: for seconds nothing was seen, though time went on."""

    async def stand_still(run: Run) -> None:
        agent = (await until(run, "agent.started")).data["pid"]
        await until(run, "fault.injected")
        await inside(run, "sh", "-c", f"kill -STOP {agent}; sleep 2.6; kill -CONT {agent}")

    result = result_of(lab, FILL, stand_still, "8s")
    assert (result.verdict, result.exit_code) == ("inconclusive", 3), result.why
    assert "recorded nothing for" in result.why
