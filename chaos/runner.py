"""Carry out one plan: the stages that the CLI and the Prefect flow both go through.

1. open_sandbox  write `run.started`, open the machine, put the app in, run its setup
2. inject        hand the agent its order and start it; never twice for a run
3. collect       copy the agent's journal to ours until it ends; keep its lease alive; pass on a wish to stop
4. destroy       always, whatever happened; then `run.ended` closes the journal
5. analyze       journal -> result.json (then `chaos.visualize`: report.html and dashboard.json)

The agent runs the timeline by itself, so each stage can be repeated or resumed by another process.
"""

import asyncio
import json
import platform
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from chaos import __version__, app_files, bundle
from chaos.analyzers import rules
from chaos.errors import ChaosLabError, SandboxLost, TargetError
from chaos.events import Event
from chaos.measure.judge import judge
from chaos.measure.result import Result
from chaos.order import APP, LEASE_S
from chaos.plan import Plan
from chaos.run import Run
from chaos.sandboxes import Sandbox, SandboxRef, attach, connect
from chaos.sandboxes import open_sandbox as open_machine
from chaos.verdict import Outcome

T = TypeVar("T")
OnEvent = Callable[[Event], None]

_FOLDER = "/run/chaoslab"
_POLL_S = 0.05
_LOOK_EVERY_S = 0.5
_CHUNK = 4 * 2**20
_STOP_GRACE_S = 20.0


def begin(plan: Plan, run: Run) -> None:
    """Write the journal's first line, once."""
    if not run.journal.path.exists():
        data = {
            "run_id": run.id,
            "experiment": plan.name,
            "digest": plan.digest,
            "seed": plan.seed,
            "plan": plan.order(run.id),
            "versions": {"chaoslab": __version__, "python": platform.python_version()},
        }
        _tell(run, "run.started", **data)


async def open_sandbox(plan: Plan, run: Run) -> SandboxRef:
    """Open the machine with the app set up in it. Raises SandboxError (a retry may help) or TargetError (it won't)."""
    begin(plan, run)
    started = time.monotonic()
    box = await open_machine(
        plan.sandbox["type"],
        memory_bytes=int(plan.sandbox["memory"]),
        disk_bytes=int(plan.sandbox["disk"]),
        ttl_s=plan.sandbox["ttl"],
        hosts=[process["name"] for process in plan.work["processes"]],
    )
    try:
        await _set_up(plan, box)
    except BaseException:
        await asyncio.shield(box.destroy())
        raise
    await box.close()
    _tell(run, "sandbox.opened", ref=box.ref.to_json(), took_s=round(time.monotonic() - started, 4))
    return box.ref


async def _set_up(plan: Plan, box: Sandbox) -> None:
    """Put the app's files in and run its setup commands. Raises TargetError."""
    if plan.app is not None:
        try:
            files = app_files.archive(Path(plan.app))
        except OSError as error:
            raise TargetError(f"{plan.app}: cannot read the app: {error.strerror}") from error
        await box.unpack(APP, files)
    for command in plan.work["setup"]:
        done = await box.run(command, timeout_s=plan.sandbox["ttl"])
        if done.exit_code != 0:
            words = (done.stderr or done.stdout.decode(errors="replace")).strip()[-2000:]
            raise TargetError(f"{plan.name}: setup {command}: exit code {done.exit_code}: {words}")


async def inject(plan: Plan, run: Run, ref: SandboxRef) -> None:
    """Start the agent with its order; when the order is there already, another attempt has done so."""
    box = await connect(ref)
    try:
        await box.put(f"{_FOLDER}/agent.pyz", bundle.build())
        await box.put(f"{_FOLDER}/lease", b"")
        order = plan.order(run.id, box.python)
        if await box.put(f"{_FOLDER}/order.json", json.dumps(order).encode(), exclusive=True):
            command = [box.python, "-I", "-S", f"{_FOLDER}/agent.pyz", _FOLDER]
            pid = await box.start(command, output=f"{_FOLDER}/agent.log")
            await box.put(f"{_FOLDER}/agent.pid", str(pid).encode())
    finally:
        await box.close()


async def collect(run: Run, ref: SandboxRef, on_event: OnEvent, stop: asyncio.Event | None = None) -> None:
    """Follow the agent's journal to its end. `stop` asks the agent to recover and leave; its last words are awaited.

    Raises SandboxLost when sandbox or agent ends without having said so.
    """
    box = await connect(ref)
    try:
        await _Follower(box, run, on_event).follow(stop or asyncio.Event())
    finally:
        await box.close()


class _Follower:
    """Copies whole lines from where our journal ends, and keeps the agent's lease."""

    def __init__(self, box: Sandbox, run: Run, on_event: OnEvent) -> None:
        self._box = box
        self._run = run
        self._on_event = on_event
        self._offset = _copied(run)
        self._ended = any(event.type == "agent.ended" for event in run.journal.events())

    async def follow(self, stop: asyncio.Event) -> None:
        pid = int(await self._box.read(f"{_FOLDER}/agent.pid"))
        renewed = looked = 0.0
        asked_at: float | None = None
        while not self._ended:
            now = time.monotonic()
            if now - renewed > LEASE_S / 5:
                await self._box.put(f"{_FOLDER}/lease", b"")
                renewed = now
            if now - looked > _LOOK_EVERY_S:
                looked = now
                exit_code = await self._box.exit_code(pid)
                if exit_code is not None and not await self._copy() and not self._ended:
                    words = (
                        (await self._box.read(f"{_FOLDER}/agent.log"))[-2000:]
                        .decode(errors="replace")
                        .strip()
                    )
                    raise SandboxLost(f"the agent ended with exit code {exit_code}: {words or 'no message'}")
            if stop.is_set() and asked_at is None:
                await self._box.put(f"{_FOLDER}/stop", b"interrupted")
                asked_at = now
            if asked_at is not None and now - asked_at > _STOP_GRACE_S:
                raise SandboxLost(f"the agent did not end within {_STOP_GRACE_S:g} s of being asked to")
            if not await self._copy():
                await asyncio.sleep(_POLL_S)

    async def _copy(self) -> bool:
        """Copy what is new; True when there was something."""
        try:
            data = await self._box.read(f"{_FOLDER}/journal.ndjson", self._offset, _CHUNK)
        except ChaosLabError as error:
            if isinstance(error, SandboxLost) or "FileNotFoundError" not in str(error):
                raise
            return False  # the agent has not begun to write yet
        whole = data[: data.rfind(b"\n") + 1]
        self._run.journal.append_lines(whole)
        self._offset += len(whole)
        for line in whole.splitlines():
            event = Event.from_line(line)
            self._ended = self._ended or event.type == "agent.ended"
            self._on_event(event)
        return bool(whole)


def _copied(run: Run) -> int:
    """How many bytes of the agent's journal are in ours: its lines are copied as they are."""
    with run.journal.path.open("rb") as file:
        return sum(len(line) for line in file if Event.from_line(line).source == "agent")


async def destroy(run: Run, ref: SandboxRef, why: str = "the run is over") -> None:
    """End the sandbox and say so in the journal."""
    await attach(ref).destroy()
    _tell(run, "sandbox.destroyed", destroyed=True, why=why)


def finish(run: Run, error: BaseException | None = None, outcome: Outcome | None = None) -> None:
    """Close the journal: what the agent said of the end, or what went wrong on our side; once."""
    events = run.journal.of("agent.ended", "run.ended")
    if any(event.type == "run.ended" for event in events):
        return
    if error is not None:
        ended = {"outcome": str(outcome or Outcome.CRASHED), "why": str(error) or type(error).__name__}
    elif events:
        ended = dict(events[-1].data)
    else:
        ended = {"outcome": str(outcome or Outcome.CRASHED), "why": "the agent never ended"}
    _tell(run, "run.ended", **ended)


async def carry_out(plan: Plan, run: Run, on_event: OnEvent, stop: asyncio.Event) -> None:
    """Stages 1 to 4, without Prefect. Failures on our side end up in the journal, not in the air."""
    ref: SandboxRef | None = None
    error: ChaosLabError | None = None
    outcome: Outcome | None = None
    try:
        ref = await with_retries(plan.retries, lambda: open_sandbox(plan, run))
        on_event(run.journal.of("sandbox.opened")[-1])
        if stop.is_set():
            outcome, error = Outcome.ABORTED, ChaosLabError("interrupted before anything was injected")
        else:
            await inject(plan, run, ref)
            await collect(run, ref, on_event, stop)
    except ChaosLabError as failure:
        error = failure
    finally:
        if ref is not None:
            await asyncio.shield(destroy(run, ref))
        finish(run, error, outcome)


def analyze(run: Run) -> Result:
    """Judge the journal, put it into words, write result.json. Raises ChaosLabError when it cannot be read or written."""
    events = list(run.journal.events())
    result = judge(events)
    result = result.model_copy(update={"analysis": rules.analyze(result, events)})
    try:
        run.result.write_text(result.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise ChaosLabError(f"{run.result}: cannot write the result: {error.strerror}") from error
    return result


async def with_retries(retries: int, attempt: Callable[[], Awaitable[T]]) -> T:
    """Try once and, while the error says that it may help, `retries` times more with doubling pauses from 0.5 s."""
    for number in range(retries):
        try:
            return await attempt()
        except ChaosLabError as error:
            if not error.retryable:
                raise
            await asyncio.sleep(0.5 * 2**number)
    return await attempt()


def _tell(run: Run, type_: str, **data: object) -> None:
    run.journal.append(Event(type_, time.time(), data, source="host"))
