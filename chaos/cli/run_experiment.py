"""One experiment as the command line carries it out, and what a person's Ctrl-C does to it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from chaos import api
from chaos.cli.interrupts import heeding
from chaos.errors import Interrupted

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.planning.plan import Plan
    from chaos.runner.observer import RunObserver
    from chaos.runs.cancellation import Stop
    from chaos.runs.directory import Run

T = TypeVar("T")
Executor = Callable[["Plan", Path, "RunObserver"], Awaitable["Result"]]
"""Carries out one plan below a folder, in this process or through Prefect."""


async def directly(plan: "Plan", out: Path, observer: "RunObserver") -> "Result":
    """Carry out the plan in this process, with no server. Raises Halted when this machine is."""
    return await api.run(plan, out, observer=observer)


async def interruptible(executor: Executor, plan: "Plan", out: Path, observer: "RunObserver") -> "Result":
    """The first Ctrl-C asks the run to end well; a second one abandons it, and still destroys the sandbox."""
    try:
        return await heeding_signals(executor(plan, out, observer), observer.stop, observer.log)
    except asyncio.CancelledError:
        return _result_of(observer.run)


async def heeding_signals(working: Awaitable[T], stop: "Stop", log: Callable[[str], None]) -> T:
    """What `working` returns; the first Ctrl-C sets `stop`, a second one cancels it. Raises CancelledError then."""
    work = asyncio.ensure_future(working)

    def interrupt(count: int, _signal: int) -> None:
        stop.set()
        if count == 1:
            log("interrupted: ending the fault and the run; once more to abandon it")
        else:
            log("abandoned: destroying the sandbox; once more to end at once")
            work.cancel()

    with heeding(interrupt):
        return await work


def _result_of(run: "Run | None") -> "Result":
    """What an abandoned run has left. Raises Interrupted when that is nothing."""
    from chaos.analysis.result import Result

    if run is None or not run.result.exists():
        raise Interrupted("abandoned before anything was injected")
    return Result.model_validate_json(run.result.read_bytes())
