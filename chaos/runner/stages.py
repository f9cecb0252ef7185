"""Carry out one plan: the stages that the CLI and the Prefect flow both go through.

Stages 1 to 4 once for each of `plan.segments()`: a trial or a control, in a sandbox of its own.

1. open_sandbox  write `run.started`, open the machine, put the app in, run its setup
2. inject        hand the agent its order and start it; never twice for a run
3. collect       copy the agent's journal to ours until it ends (`chaos.runner.collector`)
4. destroy       always, whatever happened; then `run.ended` closes the journal
5. analyze       journal -> result.json, in words by rules (then `chaos.explain.select`: a model's, and
`chaos.publish.report`)

The agent runs the timeline by itself, so each stage can be repeated or resumed by another process.
"""

import asyncio
import json
import os
import platform
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from chaos import __version__
from chaos.errors import ChaosLabError, Interrupted, JournalTampered, SandboxError, SandboxRefused
from chaos.events import Event
from chaos.planning.agent_spec import FOLDER, launched
from chaos.planning.plan import Plan
from chaos.planning.secret_env import filled
from chaos.run_spec.codec import encode
from chaos.runner import agent_bundle as bundle
from chaos.runner.arrivals import HOST_CLOCK
from chaos.runner.collector import Follower, OnEvent
from chaos.runner.deadlines import within_ttl
from chaos.runner.provision import set_up, setup_of
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.sandboxes import Sandbox, SandboxRef, Wanted, attach, connect
from chaos.sandboxes import open_sandbox as open_machine
from chaos.sandboxes.inventory import Inventory
from chaos.sandboxes.support.facts import facts_of
from chaos.settings import Settings
from chaos.verdict import Outcome

if TYPE_CHECKING:
    from chaos.analysis.judged import Judged
    from chaos.analysis.result import Result

T = TypeVar("T")


def begin(plan: Plan, run: Run) -> None:
    """Write the first line of this trial, once."""
    started = run.journal.latest("run.started") if run.journal.path.exists() else []
    if not started or _which(started[-1]) != (plan.trial, plan.withheld):
        data = {
            "run_id": run.id,
            "experiment": plan.name,
            "digest": plan.digest,
            "seed": plan.seed,
            "plan": plan.order(run.id),
            "dashboard": plan.dashboard,
            "overrides": dict(plan.overrides),
            "versions": {"chaoslab": __version__, "python": platform.python_version()},
            "trial": plan.trial,
            "control": plan.withheld,
        }
        _tell(run, "run.started", **data)


def _which(started: Event) -> tuple[int, bool]:
    return started.data["trial"], started.data["control"]


async def open_sandbox(plan: Plan, run: Run, stop: Stop | None = None) -> SandboxRef:
    """Open the machine with the app set up in it; when `stop` is set, give that up and leave nothing.

    Raises SandboxError (a retry may help), TargetError (it won't), or Interrupted.
    """
    begin(plan, run)
    started = time.monotonic()
    box, unrecorded = await unless(stop or Stop(), _machine_with_app(plan, run))
    await box.close()
    said = {"unrecorded": unrecorded} if unrecorded else {}
    took_s = round(time.monotonic() - started, 4)
    _tell(run, "sandbox.opened", ref=box.ref.to_json(), took_s=took_s, **said)
    return box.ref


async def _machine_with_app(plan: Plan, run: Run) -> tuple[Sandbox, str | None]:
    """And why this machine's inventory is in memory only, when it is."""
    knowing = asyncio.ensure_future(asyncio.to_thread(_inventory, run))  # settings are read while it opens
    wanted = Wanted(
        memory_bytes=int(plan.sandbox.memory),
        disk_bytes=int(plan.sandbox.disk),
        ttl_s=plan.sandbox.ttl,
        hosts=[process.name for process in plan.work.processes],
        labels={"experiment": plan.name, "run": run.id},
        image=plan.image,
        setup=setup_of(plan),
        own=plan.sandbox.own,
    )
    box = await open_machine(plan.sandbox.type, wanted)
    inventory = await asyncio.shield(knowing)
    try:
        unrecorded = inventory.opened(box.ref)
        await set_up(plan, box)
    except BaseException:
        await asyncio.shield(box.destroy())
        inventory.gone(box.ref)
        raise
    return box, unrecorded


async def inject(plan: Plan, run: Run, ref: SandboxRef) -> None:
    """Start the agent with its order and its key; when the order is there already, another attempt has done so.

    Raises SandboxRefused for a sandbox that this machine has not opened for this run.
    """
    inventory = _inventory(run)
    held = inventory.find(ref)
    box = await connect(held.ref)
    try:
        await box.put(f"{FOLDER}/agent.pyz", bundle.build())
        await box.put(f"{FOLDER}/lease", b"")
        may_lack = Settings().chaoslab_allow_degraded
        order = launched(plan.spec(run.id, box.python), facts_of(held.ref), may_lack_wall=may_lack)
        order = filled(order, os.environ)
        if await box.put(
            f"{FOLDER}/order.json", json.dumps(encode(order)).encode(), mode=0o600, exclusive=True
        ):
            command = [box.python, "-I", "-S", f"{FOLDER}/agent.pyz", FOLDER]
            began = HOST_CLOCK.now()
            pid = await box.start(command, output=f"{FOLDER}/agent.log", given=held.key)
            inventory.started(ref, began, pid)
    finally:
        await box.close()


async def collect(run: Run, ref: SandboxRef, on_event: OnEvent, stop: Stop | None = None) -> None:
    """Follow the agent's journal to its end; `on_event` hears of what ours holds already, then of all that comes.

    `stop` asks the agent to recover and leave; its last words are awaited. Raises SandboxLost when sandbox or agent
    ends without having said so, JournalTampered when somebody else wrote to the journal, SandboxRefused for a sandbox
    that this machine has not opened for this run.
    """
    box = await connect(_inventory(run).find(ref).ref)
    try:
        async with within_ttl(run):
            await Follower(box, run, on_event).follow(stop or Stop())
    finally:
        await box.close()


async def destroy(run: Run, ref: SandboxRef, why: str = "the run is over") -> None:
    """End the sandbox, and say in the journal whether it has gone; when it has not, `gc` is to be called.

    Only one that this machine has opened for this run.
    """
    destroyed = True
    inventory = _inventory(run)
    try:
        await attach(inventory.find(ref).ref).destroy()
        inventory.gone(ref)
    except SandboxError as error:
        destroyed, why = False, str(error)
    _tell(run, "sandbox.destroyed", destroyed=destroyed, why=why)


def finish(run: Run, error: Exception | None = None, outcome: Outcome | None = None) -> None:
    """Close this trial: what the agent said of its end, or what went wrong on our side; once."""
    if isinstance(error, Interrupted):
        outcome = Outcome.ABORTED
    events = run.journal.latest("agent.ended", "run.ended")
    if any(event.type == "run.ended" for event in events):
        return
    ended: dict[str, Any]
    if error is not None:
        ended = {"outcome": str(outcome or Outcome.CRASHED), "why": str(error) or type(error).__name__}
        if isinstance(error, JournalTampered):
            ended["tampered"] = True  # whatever else the journal says of its end is not to be believed
    elif events:
        ended = dict(events[-1].data)
    else:
        ended = {"outcome": str(outcome or Outcome.CRASHED), "why": "the agent never ended"}
    _tell(run, "run.ended", **ended)


def turns(plan: Plan, run: Run) -> Iterator[Plan]:
    """Every trial and control to carry out, until one ends the series, or all that were so far decide it."""
    so_far: list[Judged] = []
    for segment in plan.segments():
        yield segment
        if not _goes_on(plan, run, so_far):
            return


def _goes_on(plan: Plan, run: Run, so_far: "list[Judged]") -> bool:
    """Whether another trial may follow the last one, which is judged and added where that may end the series."""
    from chaos.analysis.outcome import may_follow
    from chaos.analysis.record import Record

    last = run.journal.latest()
    if not plan.series.until_decided:
        return may_follow(Record(last))
    from chaos.analysis.judge import judge_segment
    from chaos.analysis.trials_verdict import decided

    so_far.append(judge_segment(last))
    return so_far[-1].may_follow and not decided(so_far)


async def carry_out(plan: Plan, run: Run, on_event: OnEvent, stop: Stop) -> None:
    """Stages 1 to 4 of every trial, without Prefect, until one ends the series."""
    for segment in turns(plan, run):
        await carry_out_one(segment, run, on_event, stop)


async def carry_out_one(plan: Plan, run: Run, on_event: OnEvent, stop: Stop) -> None:
    """One trial. Failures on our side end up in the journal, not in the air."""
    async with concluded(run):
        ref = await with_retries(plan.retries, lambda: open_sandbox(plan, run, stop), stop)
        await inject(plan, run, ref)
        await collect(run, ref, on_event, stop)


@asynccontextmanager
async def concluded(run: Run) -> AsyncIterator[None]:
    """Destroy what the block opened and close its trial, whatever happens in it.

    Our own failures end in the journal, where the verdict finds them; anything else is written there and goes on.
    """
    error: Exception | None = None
    try:
        yield
    except ChaosLabError as failure:
        error = failure
    except BaseException as cut:
        error = cut if isinstance(cut, Exception) else Interrupted("abandoned: nobody waited for the end")
        raise
    finally:
        await asyncio.shield(conclude(run, error))


async def conclude(run: Run, error: Exception | None) -> None:
    """Destroy what this trial opened, and close it; any process may, and more than once.

    What it opened is known by this machine's inventory. The journal is not asked: its folder may be anybody's.
    """
    try:
        held = _inventory(run).held()
        for each in held:
            await destroy(run, each.ref)
        if not held:
            _say_what_is_unknown(run)
    except SandboxRefused as refused:
        _tell(run, "sandbox.destroyed", destroyed=False, why=str(refused))
    finally:
        finish(run, error)


def _say_what_is_unknown(run: Run) -> None:
    """A sandbox that was opened, and that this machine knows nothing of: nobody but its lease ends it."""
    last = run.journal.latest("sandbox.opened", "sandbox.destroyed")[-1:]
    if last and last[0].type == "sandbox.opened":
        why = "this machine has no record of it; it ends by its own lease"
        _tell(run, "sandbox.destroyed", destroyed=False, why=why)


def _inventory(run: Run) -> Inventory:
    return Inventory(run.id, run.folder)


def analyze(run: Run) -> "Result":
    """Judge the journal, put it into words, write result.json. Raises ChaosLabError when the disk refuses."""
    from chaos.analysis.judge import judge
    from chaos.explain import comparison, rules  # a run begins without them, and sooner

    events = list(run.journal.events())
    result = judge(events)
    before = comparison.earlier(run.folder, result.experiment)
    result = result.model_copy(update={"analysis": rules.analyze(result, events, before)})
    run.keep_result(result.model_dump_json(indent=2))
    return result


async def unless(stop: Stop, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; as soon as `stop` is set it is cancelled instead. Raises Interrupted."""
    task, asked = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, asked), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, asked):
            each.cancel()
        await asyncio.gather(task, asked, return_exceptions=True)
    if task.cancelled():
        raise Interrupted(f"{stop.why}, before anything was injected")
    return task.result()


async def with_retries(retries: int, attempt: Callable[[], Awaitable[T]], stop: Stop | None = None) -> T:
    """Try once and, while the error says that it may help, `retries` times more. Raises Interrupted."""
    for number in range(retries):
        try:
            return await attempt()
        except ChaosLabError as error:
            if not error.retryable:
                raise
        await pause_before(number + 1, stop or Stop())
    return await attempt()


async def pause_before(retry: int, stop: Stop) -> None:
    """The pause before an attempt is made once more: doubling, from 0.5 s. Raises Interrupted."""
    if retry > 0:
        await unless(stop, asyncio.sleep(0.5 * 2 ** (retry - 1)))


def _tell(run: Run, type_: str, **data: object) -> None:
    run.journal.append(Event(type_, time.time(), data, source="host"))
