"""One experiment as the command line carries it out: who conducts it, and what a person's Ctrl-C does to it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from chaos.cli.interrupts import heeding
from chaos.errors import Interrupted, PublishError
from chaos.runs.cancellation import Stop

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.events import Event
    from chaos.planning.plan import Plan
    from chaos.runs.directory import Run


@dataclass(slots=True)
class Conduct:
    """One experiment as the command line carries it out: what a conductor gets, and what it leaves."""

    plan: "Plan"
    out: Path
    on_event: Callable[["Event"], None]
    say: Callable[[str], None]
    stop: Stop = field(default_factory=Stop)
    """Set on the first Ctrl-C, or by the switch: undo the fault, end the run, write the result all the same."""
    run: "Run | None" = None


T = TypeVar("T")
Conductor = Callable[[Conduct], Awaitable["Result"]]


async def directly(conduct: Conduct) -> "Result":
    """Carry out the plan in this process, with no server. Raises Halted when this machine is."""
    from chaos.history import origin
    from chaos.history.recording import record
    from chaos.history.uploads.beside import elsewhere
    from chaos.runner.concurrency import in_turn
    from chaos.runs.active import under_way
    from chaos.runs.directory import Run
    from chaos.runs.kill_switch import heeded

    async with heeded(conduct.stop), in_turn(conduct.plan.at_once, conduct.say, conduct.stop):
        conduct.run = run = Run.new(conduct.plan.name, conduct.out)
        origin.note(run, source=conduct.plan.source, started_by="terminal")
        with under_way(run):
            async with elsewhere(run, conduct.say) as delivery:
                result = await delivery.conclude(await _stage_by_stage(conduct, run))
    await record(run.folder, conduct.say)
    await _tell_people(result, conduct.say)
    return result


async def _stage_by_stage(conduct: Conduct, run: "Run") -> "Result":
    from chaos.explain.select import explain
    from chaos.publish.live_dashboard import watched
    from chaos.publish.prometheus.live import exported
    from chaos.runner import stages as runner

    reading = asyncio.create_task(asyncio.to_thread(_read_ahead))
    try:
        async with (
            exported(run) as metrics,
            watched(conduct.plan, run, lambda link: conduct.say(f"live: {link}")) as live,
        ):
            await runner.carry_out(conduct.plan, run, conduct.on_event, conduct.stop)
    except asyncio.CancelledError:
        runner.analyze(run)
        raise
    finally:
        await reading
    result = await explain(run, await metrics.conclude(runner.analyze(run)))
    try:
        from chaos.publish.report import visualize

        return await asyncio.to_thread(visualize, run, result, live.delivery)
    except PublishError as error:
        conduct.say(f"no report: {error}")
        return result


async def _tell_people(result: "Result", say: Callable[[str], None]) -> None:
    from chaos.publish.notifications.notice import of_result
    from chaos.publish.notifications.sending import tell

    await tell(of_result(result), say)


def _read_ahead() -> None:
    """Make ready what comes later while the sandbox is being opened: then nothing is watched yet."""
    from chaos.history import recording
    from chaos.host.import_lock import ONE_AT_A_TIME

    with ONE_AT_A_TIME, contextlib.suppress(PublishError):  # it is said when the report is due
        from chaos.runner import agent_bundle as bundle

        bundle.build()
        import_module("chaos.explain.rules")
        from chaos.publish import report as visualize

        visualize.prepare()
        recording.prepare()


async def interruptible(conductor: Conductor, conduct: Conduct) -> "Result":
    """The first Ctrl-C asks the run to end well; a second one abandons it, and still destroys the sandbox."""
    try:
        return await heeding_signals(conductor(conduct), conduct.stop, conduct.say)
    except asyncio.CancelledError:
        return _result_of(conduct.run)


async def heeding_signals(working: Awaitable[T], stop: Stop, say: Callable[[str], None]) -> T:
    """What `working` returns; the first Ctrl-C sets `stop`, a second one cancels it. Raises CancelledError then."""
    work = asyncio.ensure_future(working)

    def interrupt(count: int, _signal: int) -> None:
        stop.set()
        if count == 1:
            say("interrupted: ending the fault and the run; once more to abandon it")
        else:
            say("abandoned: destroying the sandbox; once more to end at once")
            work.cancel()

    with heeding(interrupt):
        return await work


def _result_of(run: "Run | None") -> "Result":
    """What an abandoned run has left. Raises Interrupted when that is nothing."""
    from chaos.analysis.result import Result

    if run is None or not run.result.exists():
        raise Interrupted("abandoned before anything was injected")
    return Result.model_validate_json(run.result.read_bytes())
