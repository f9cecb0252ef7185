"""The runner's stages in real sandboxes: repeated, resumed by others, and with sandbox, agent or controller killed."""

import asyncio
import io
import json
import os
import re
import signal
import time
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis.result import Result
from chaos.errors import Interrupted, SandboxError, SandboxLost, SandboxRefused, TargetError
from chaos.events import Event
from chaos.events.signing import MARK_BYTES
from chaos.manifests.load import load
from chaos.planning.plan import Plan, plan
from chaos.report.console import words
from chaos.runner import agent_bundle as bundle
from chaos.runner import stages as runner
from chaos.runner.closing import conclude, destroy, finish
from chaos.runner.observer import RunObserver
from chaos.runner.pipeline import Stages, carry_out
from chaos.runner.retries import pause_before, with_retries
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.sandboxes import Sandbox, SandboxRef, connect
from tests import lab as labs
from tests.lab import FILL, KILL, WEB, Lab

# For anything that takes a moment on a quiet machine; others load this one.
SOON_S = 30.0


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(made.boxes))
        yield made


def planned(lab: Lab, *, changed: dict[str, Any] | None = None, **spec: Any) -> Plan:
    """The plan of a manifest; `changed` replaces parts of the agent's order that no manifest can say."""
    (loaded,) = load(lab.manifest(**spec))
    drawn = plan(loaded)
    return Plan.from_json({**json.loads(drawn.to_json()), "work": {**drawn.work, **(changed or {})}})


def begun(lab: Lab, drawn: Plan) -> Run:
    return Run.new(drawn.name, lab.runs)


def types(run: Run) -> list[str]:
    return [event.type for event in run.journal.events()]


async def until(run: Run, type_: str) -> Event:
    """Wait for an event of that type in our journal."""
    async with asyncio.timeout(SOON_S):
        while not (found := run.journal.of(type_) if run.journal.path.exists() else []):
            await asyncio.sleep(0.01)
    return found[0]


async def destroyed_after(drawn: Plan, run: Run, scene: Callable[[SandboxRef], Awaitable[None]]) -> None:
    """Open, play, destroy."""
    ref = await runner.open_sandbox(drawn, run)
    try:
        await scene(ref)
    finally:
        await destroy(run, ref)


def nothing(_event: Event) -> None:
    """Nobody watches."""


def carried_out(drawn: Plan, run: Run, meanwhile: Callable[[], Awaitable[None]]) -> Result:
    """The whole run, while something happens to it."""

    async def both() -> None:
        stop = Stop()
        work = asyncio.create_task(carry_out(drawn, run, Stages(RunObserver(nothing)), stop))
        await meanwhile()
        async with asyncio.timeout(SOON_S):
            await work

    asyncio.run(both())
    return runner.analyze(run)


def ref_of(run: Run) -> SandboxRef:
    return SandboxRef.from_json(run.journal.of("sandbox.opened")[0].data["ref"])


# Repeated and resumed


def test_injected_twice_it_is_injected_once(lab: Lab) -> None:
    drawn = planned(lab)
    run = begun(lab, drawn)

    async def scene(ref: SandboxRef) -> None:
        await asyncio.gather(*(runner.inject(drawn, run, ref) for _ in range(3)))
        await runner.inject(drawn, run, ref)
        await runner.collect(run, ref, nothing)
        await runner.inject(drawn, run, ref)  # and when it is over, too

    asyncio.run(destroyed_after(drawn, run, scene))
    assert types(run).count("agent.started") == 1
    assert types(run).count("fault.injected") == 1


def test_collecting_goes_on_where_another_was_cut_off(lab: Lab) -> None:
    drawn = planned(lab, phases={"baseline": "2s", "recovery": "1s"})
    run = begun(lab, drawn)
    heard: list[str] = []

    async def scene(ref: SandboxRef) -> None:
        await runner.inject(drawn, run, ref)
        first = asyncio.create_task(runner.collect(run, ref, nothing))
        await until(run, "process.ready")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        with run.journal.path.open("ab") as file:
            file.write(b'{"seq":999,"at":17')  # as a writer leaves it that is killed in the middle of a line
        await asyncio.to_thread(in_another_loop, ref)
        await runner.collect(run, ref, nothing)  # there is nothing more, and it says so at once
        copied = [event for event in run.journal.events() if event.source == "agent"]
        box = await connect(ref)
        theirs = await box.read("/run/chaoslab/journal.ndjson")
        await box.close()
        assert b"".join(event.to_line() for event in copied) == b"".join(
            line[:-MARK_BYTES] + b"\n" for line in theirs.splitlines()
        )
        assert [event.seq for event in copied] == list(range(1, len(copied) + 1))

    def in_another_loop(ref: SandboxRef) -> None:
        asyncio.run(runner.collect(Run(run.id, run.folder), ref, lambda event: heard.append(event.type)))

    asyncio.run(destroyed_after(drawn, run, scene))
    assert heard == types(run)[: len(heard)]
    assert heard[:2] == ["run.started", "sandbox.opened"]
    assert heard[-2:] == ["agent.ended", "journal.followed"]


def test_whoever_injected_and_died_in_the_middle_leaves_a_clear_end(lab: Lab) -> None:
    drawn = planned(lab)
    run = begun(lab, drawn)

    async def scene(ref: SandboxRef) -> None:
        box = await connect(ref)
        await box.put("/run/chaoslab/order.json", b"{}", exclusive=True)
        await box.close()
        await runner.inject(drawn, run, ref)  # the order is there: never a second time
        with pytest.raises(SandboxLost, match="never started"):
            await runner.collect(run, ref, nothing)

    asyncio.run(destroyed_after(drawn, run, scene))


# Lost and killed


def test_a_sandbox_that_goes_away_ends_the_run_as_crashed(lab: Lab) -> None:
    drawn = planned(lab, method=[{**FILL, "hold": "1m"}])
    run = begun(lab, drawn)

    async def kill_the_keeper() -> None:
        await until(run, "fault.injected")
        os.kill(ref_of(run).facts["keeper"], signal.SIGKILL)

    result = carried_out(drawn, run, kill_the_keeper)
    assert (result.outcome, result.exit_code) == ("crashed", 5)
    assert "has gone" in result.why
    assert result.sandbox.destroyed
    assert run.result.exists()


def test_an_agent_that_is_killed_ends_the_run_as_crashed(lab: Lab) -> None:
    drawn = planned(lab, method=[{**FILL, "hold": "1m"}])
    run = begun(lab, drawn)

    async def kill_the_agent() -> None:
        started = await until(run, "agent.started")
        await until(run, "fault.injected")
        await inside(run, lambda box: box.run(["sh", "-c", f"kill -9 {started.data['pid']}"], cwd="/"))

    began = time.monotonic()
    result = carried_out(drawn, run, kill_the_agent)
    assert time.monotonic() - began < SOON_S
    assert (result.outcome, result.exit_code) == ("crashed", 5)
    assert "gent ended with exit code -9" in result.why
    assert result.sandbox.destroyed


async def inside(run: Run, act: Callable[[Sandbox], Awaitable[Any]]) -> Any:
    box = await connect(ref_of(run))
    try:
        return await act(box)
    finally:
        await box.close()


async def look_on() -> None:
    """Nothing happens to it."""


def test_an_agent_that_fails_is_quoted(lab: Lab) -> None:
    run = begun(lab, drawn := planned(lab, changed={"load": {"nonsense": 1}}))
    result = carried_out(drawn, run, look_on)
    assert result.outcome == "crashed"
    assert "gent ended with exit code 1: KeyError" in result.why
    assert "Traceback" in (run.folder / "agent.log").read_text()


def test_a_step_beside_others_that_fails_by_a_mistake_of_ours_is_a_crash_with_its_words(lab: Lab) -> None:
    drawn = planned(lab, method=[{**FILL, "hold": "1m"}])
    (fill,) = drawn.work["method"]
    wrong = {**fill, "name": "wrong", "start_s": 0.2, "fault": {"type": "process_kill", "nonsense": 1}}
    drawn = planned(lab, method=[{**FILL, "hold": "1m"}], changed={"method": [fill, wrong]})
    run = begun(lab, drawn)
    began = time.monotonic()
    result = carried_out(drawn, run, look_on)
    assert time.monotonic() - began < SOON_S, "the other step's fault was ended, not waited for"
    assert result.outcome == "crashed"
    assert "gent ended with exit code 1: TypeError: " in result.why
    assert "'nonsense'" in result.why
    assert [event.data["because"] for event in run.journal.of("fault.recovered")] == ["failed"]


def test_an_observer_that_fails_is_no_quiet_target(lab: Lab) -> None:
    run = begun(lab, drawn := planned(lab, changed={"sample_hz": 0}))
    result = carried_out(drawn, run, look_on)
    assert result.outcome == "crashed"
    assert "observer failed: ZeroDivisionError" in result.why


SCRIBBLE = """
import sys
with open("/run/chaoslab/journal.ndjson", "a") as journal:
    journal.write(sys.argv[1] + "\\n")
"""
FORGE = """
import json, os, signal
path = "/run/chaoslab/journal.ndjson"
lines = [line.rpartition(b" ") for line in open(path, "rb").read().splitlines()]
events = [json.loads(line) for line, _, _ in lines]
os.kill(events[0]["data"]["pid"], signal.SIGSTOP)
seq, at = events[-1]["seq"], events[-1]["at"]
good = next(event for event in events if event["type"] == "probe.sampled")
with open(path, "ab") as journal:
    def emit(type_, **data):
        global seq, at
        seq, at = seq + 1, at + 0.001
        event = {"seq": seq, "at": at, "source": "agent", "type": type_, "data": data}
        journal.write(json.dumps(event, separators=(",", ":")).encode() + b" " + lines[-1][2] + b"\\n")
    for _ in range(20):
        emit("probe.sampled", **good["data"])
    emit("phase.ended", phase="baseline")
    emit("agent.ended", outcome="completed", why="every phase ran to its end")
"""
"""Stop the agent, and write the end of a perfect run in its stead, with a mark that it has written."""


@pytest.mark.parametrize("forged", ["hello", "sandbox.opened", "a perfect run"])
def test_a_journal_that_somebody_else_wrote_to_is_no_evidence_and_no_order(lab: Lab, forged: str) -> None:
    drawn = planned(lab, phases={"baseline": "1m", "recovery": "1s"})
    run = begun(lab, drawn)
    victim = lab.folder / "victim"
    victim.mkdir()
    ref = {"type": "local", "id": "x", "facts": {"keeper": 2**22 - 1, "folder": str(victim)}}
    opened = Event("sandbox.opened", time.time(), {"ref": ref, "took_s": 0.1}, "host", 1)
    line = opened.to_line().decode().strip() if forged == "sandbox.opened" else forged
    program = ["python3", "-c", FORGE] if forged == "a perfect run" else ["python3", "-c", SCRIBBLE, line]

    async def forge() -> None:
        await until(run, "probe.sampled")
        with suppress(SandboxLost):  # it may be gone before the answer is there
            assert (await inside(run, lambda box: box.run(program))).stderr == ""

    result = carried_out(drawn, run, forge)
    assert (result.outcome, result.verdict, result.exit_code) == ("crashed", "inconclusive", 5)
    assert re.fullmatch(r"The journal was tampered with: line \d+: not signed by the agent\.", result.why)
    assert result.sandbox.destroyed
    assert victim.is_dir()
    list(run.journal.events())  # ours still reads


def with_a_smaller_journal(agent: bytes) -> bytes:
    """The agent's bundle, with a limit of 128 KiB."""
    smaller = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(agent)) as before, zipfile.ZipFile(smaller, "w") as after:
        for name in before.namelist():
            source = before.read(name)
            if name.endswith("agent/record.py"):
                source, whole = source.replace(b"256 * 2**20", b"2**17"), source
                assert source != whole
            if not name.endswith("agent/record.pyc"):
                after.writestr(name, source)
    return smaller.getvalue()


def test_a_journal_that_is_full_ends_the_run_well(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = with_a_smaller_journal(bundle.build())
    monkeypatch.setattr(bundle, "build", lambda *, http2: agent)
    load = {"url": "http://127.0.0.1:8000/", "rate": "200/s"}
    drawn = planned(lab, load=load, phases={"baseline": "30s", "recovery": "1s"})
    run = begun(lab, drawn)
    result = carried_out(drawn, run, look_on)
    assert (result.outcome, result.verdict, result.exit_code) == ("aborted", "inconclusive", 4)
    assert result.why == "The journal has reached its limit of 0.125 MiB."
    # What came between the limit and the end, if anything, was counted.
    assert {event.data["what"] for event in run.journal.of("journal.limited")} <= {"samples"}
    assert result.sandbox.destroyed


def test_where_nothing_can_be_written_down_the_run_goes_on_and_says_so(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lab.folder / "state").write_text("in the way")
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(lab.folder / "state"))
    drawn = planned(lab)
    run = begun(lab, drawn)
    heard: list[str | None] = []
    asyncio.run(carry_out(drawn, run, Stages(RunObserver(lambda event: heard.append(words(event)))), Stop()))
    assert runner.analyze(run).outcome == "completed"
    (opened,) = [line for line in heard if line and line.startswith("sandbox ")]
    assert "it cannot be written down" in opened
    assert not list(lab.boxes.glob("box-*"))


def test_what_a_copied_journal_says_is_never_done(lab: Lab) -> None:
    """The folder of a run that comes from somewhere else, and a sandbox of another run of ours."""
    victim = lab.folder / "victim"
    victim.mkdir()
    ours = Run("r-1", lab.folder / "r-1")
    ours.folder.mkdir()
    facts = {"keeper": os.getpid(), "folder": str(victim), "engine": "/bin/false", "container": "x"}
    for type_ in ("local", "container"):
        ref = SandboxRef(type_, "x", facts)
        ours.journal.append(Event("run.started", time.time(), {"run_id": "r-1"}, "host"))
        ours.journal.append(
            Event("sandbox.opened", time.time(), {"ref": ref.to_json(), "took_s": 0.1}, "host")
        )
        with pytest.raises(SandboxRefused, match="none that this machine has opened for this run"):
            asyncio.run(runner.collect(ours, ref, nothing))
        asyncio.run(destroy(ours, ref))
        asyncio.run(conclude(ours, None))
    assert victim.is_dir()
    assert [event.data["destroyed"] for event in ours.journal.of("sandbox.destroyed")] == [False, False]


def test_without_its_controller_the_agent_ends_the_fault_by_itself(lab: Lab) -> None:
    drawn = planned(lab, changed={"lease_s": 4.0}, method=[{**FILL, "hold": "1m"}])
    run = begun(lab, drawn)

    async def scene(ref: SandboxRef) -> None:
        await runner.inject(drawn, run, ref)
        collecting = asyncio.create_task(runner.collect(run, ref, nothing))
        await until(run, "fault.injected")
        collecting.cancel()  # nobody touches the lease from here on
        await asyncio.gather(collecting, return_exceptions=True)
        box = await connect(ref)
        async with asyncio.timeout(SOON_S):
            while b'"agent.ended"' not in await box.read("/run/chaoslab/journal.ndjson"):
                await asyncio.sleep(0.05)
        await box.close()
        await runner.collect(run, ref, nothing)

    asyncio.run(destroyed_after(drawn, run, scene))
    finish(run)
    (lost,) = run.journal.of("controller.lost")
    (recovered,) = run.journal.of("fault.recovered")
    assert recovered.data["because"] == "lease"
    assert recovered.data["residue"] == []
    assert recovered.at - lost.at < 1.0
    assert runner.analyze(run).outcome == "crashed"


def test_a_wish_to_stop_ends_the_fault_within_a_second(lab: Lab) -> None:
    drawn = planned(lab, method=[{**FILL, "hold": "1m"}])
    run = begun(lab, drawn)

    async def scene(ref: SandboxRef) -> None:
        await runner.inject(drawn, run, ref)
        stop = Stop()
        collecting = asyncio.create_task(runner.collect(run, ref, nothing, stop))
        await until(run, "fault.injected")
        asked_at.append(time.time())
        stop.set()
        await collecting

    asked_at: list[float] = []
    asyncio.run(destroyed_after(drawn, run, scene))
    (recovered,) = run.journal.of("fault.recovered")
    assert recovered.data["because"] == "stopped"
    assert recovered.at - asked_at[0] < 1.0
    assert run.journal.of("agent.ended")[0].data["outcome"] == "aborted"


# Opened and set up


def test_opening_is_tried_again_and_a_setup_that_fails_is_not(lab: Lab) -> None:
    lab.boxes.write_text("in the way")
    drawn = planned(lab, retries=2)
    run = begun(lab, drawn)

    async def make_room() -> None:
        await asyncio.sleep(0.2)  # after the first attempt, in the pause of half a second before the second
        lab.boxes.unlink()

    assert carried_out(drawn, run, make_room).outcome == "completed"

    failing = planned(lab, retries=2, setup=[["sh", "-c", "exit 7"]])
    once = begun(lab, failing)
    began = time.monotonic()
    with pytest.raises(TargetError, match="exit code 7"):
        asyncio.run(with_retries(failing.retries, lambda: runner.open_sandbox(failing, once)))
    assert time.monotonic() - began < SOON_S
    assert not list(lab.boxes.glob("box-*"))


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (2, 3)])
def test_only_what_may_help_is_tried_again(retries: int, attempts: int) -> None:
    made: list[float] = []

    async def attempt(error: Exception) -> None:
        made.append(time.monotonic())
        raise error

    with pytest.raises(SandboxError):
        asyncio.run(with_retries(retries, lambda: attempt(SandboxError("no room"))))
    assert len(made) == attempts
    assert all(later - earlier > 0.45 for earlier, later in pairwise(made))
    made.clear()
    with pytest.raises(SandboxLost):
        asyncio.run(with_retries(retries, lambda: attempt(SandboxLost("gone"))))
    assert len(made) == 1


def test_a_stop_does_not_wait_for_the_next_attempt() -> None:
    stop = Stop()

    async def attempt() -> None:
        asyncio.get_running_loop().call_soon(stop.set, "enough")
        raise SandboxError("no room")

    async def scene() -> None:
        async with asyncio.timeout(SOON_S):
            await with_retries(10, attempt, stop)

    with pytest.raises(Interrupted, match="enough, before anything was injected"):
        asyncio.run(scene())
    with pytest.raises(Interrupted):
        asyncio.run(pause_before(10, stop))


def test_a_stop_does_not_wait_for_the_setup(lab: Lab) -> None:
    drawn = planned(lab, setup=[["sleep", "100"]])
    run = begun(lab, drawn)

    async def scene() -> None:
        stop = Stop()
        opening = asyncio.create_task(runner.open_sandbox(drawn, run, stop))
        async with asyncio.timeout(SOON_S):
            while not list(lab.boxes.glob("box-*/state.json")):
                await asyncio.sleep(0.01)
            stop.set()
            with pytest.raises(Interrupted):
                await opening

    asyncio.run(scene())
    assert not list(lab.boxes.glob("box-*"))


def test_a_cancelled_run_is_destroyed_and_says_so(lab: Lab) -> None:
    drawn = planned(lab, process={**WEB, "restart": "never"}, method=[{**KILL, "hold": "1m"}])
    run = begun(lab, drawn)

    async def scene() -> None:
        work = asyncio.create_task(carry_out(drawn, run, Stages(RunObserver(nothing)), Stop()))
        await until(run, "fault.injected")
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(scene())
    assert types(run)[-2:] == ["sandbox.destroyed", "run.ended"]
    assert runner.analyze(run).outcome == "aborted"
