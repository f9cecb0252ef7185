"""The stages of a run as this process carries them out; `chaos.runner.pipeline` has their order.

open_sandbox  write `run.started`, open the machine, put the app in, run its setup
inject        hand the agent its order and start it; never twice for a run
collect       copy the agent's journal to ours until it ends (`chaos.runner.collector`)
analyze       journal -> result.json, in words by rules

The agent runs the timeline by itself, so each stage can be repeated or resumed by another process.
"""

import asyncio
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chaos import __version__
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
from chaos.runner.retries import unless
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.sandboxes import Sandbox, SandboxRef, SandboxRequest, connect
from chaos.sandboxes import open_sandbox as open_machine
from chaos.sandboxes.inventory import Inventory
from chaos.sandboxes.support.facts import facts_of
from chaos.settings import Settings
from chaos.verdict import RULES

if TYPE_CHECKING:
    from chaos.analysis.result import Result


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
        tell(run, "run.started", **data)


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
    tell(run, "sandbox.opened", ref=box.ref.to_json(), took_s=took_s, **said)
    return box.ref


async def _machine_with_app(plan: Plan, run: Run) -> tuple[Sandbox, str | None]:
    """And why this machine's inventory is in memory only, when it is."""
    knowing = asyncio.ensure_future(asyncio.to_thread(inventory_of, run))  # settings are read while it opens
    wanted = SandboxRequest(
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
    inventory = inventory_of(run)
    held = inventory.find(ref)
    box = await connect(held.ref)
    try:
        await box.put(f"{FOLDER}/agent.pyz", bundle.build(http2=bundle.needs_http2(plan.work.method)))
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
    box = await connect(inventory_of(run).find(ref).ref)
    try:
        async with within_ttl(run):
            await Follower(box, run, on_event).follow(stop or Stop())
    finally:
        await box.close()


def inventory_of(run: Run) -> Inventory:
    """What this machine has opened for this run."""
    return Inventory(run.id, run.folder)


def analyze(run: Run) -> "Result":
    """Judge the journal, put it into words, write result.json. Raises ChaosLabError when the disk refuses."""
    result = judged(list(run.journal.events()), run.folder)
    run.keep_result(result.model_dump_json(indent=2))
    return result


def judged(events: "Sequence[Event]", folder: Path, rules: int = RULES) -> "Result":
    """What these events of a run amount to, in words by rules; compared with the last run beside `folder`."""
    from chaos.analysis.judgement import judge  # a run begins without them, and sooner
    from chaos.explain import comparison
    from chaos.explain import rules as words

    result = judge(events, rules)
    before = comparison.earlier(folder, result.experiment)
    return result.model_copy(update={"analysis": words.analyze(result, events, before)})


def tell(run: Run, type_: str, **data: object) -> None:
    """Write one fact of ours into the run's journal, now."""
    run.journal.append(Event(type_, time.time(), data, source="host"))
