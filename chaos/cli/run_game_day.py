"""One game day as the command line carries it out, with Prefect or without, and what a person's Ctrl-C does to it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chaos import api
from chaos.cli.run_experiment import Executor, heeding_signals
from chaos.errors import Interrupted

if TYPE_CHECKING:
    from chaos.game_days.learnt import DayReport
    from chaos.game_days.planning import DayPlan
    from chaos.runner.observer import RunObserver

DayExecutor = Callable[["DayPlan", Path, "RunObserver", bool], Awaitable["DayReport"]]
"""Carries out one day below a folder; the last parameter is whether at any time."""


@dataclass(frozen=True, slots=True)
class Executors:
    """Who carries out `chaoslab run`; the flows put theirs in, because nothing here may know of Prefect."""

    experiment: Executor | None = None
    day: DayExecutor | None = None


async def day_directly(plan: "DayPlan", out: Path, observer: "RunObserver", anytime: bool) -> "DayReport":
    """Carry out the day in this process, with no server. Raises Halted, and PlanError when people are to be asked."""
    return await api.run_day(plan, out, observer=observer, anytime=anytime)


async def interruptible_day(
    executor: DayExecutor, plan: "DayPlan", out: Path, observer: "RunObserver", *, anytime: bool
) -> "DayReport":
    """The first Ctrl-C ends what runs, then the day; a second one abandons both. Raises Interrupted."""
    try:
        return await heeding_signals(executor(plan, out, observer, anytime), observer.stop, observer.log)
    except asyncio.CancelledError:
        if observer.run is None:
            raise Interrupted("abandoned before anything was begun") from None
        from chaos.game_days.pipeline import reported
        from chaos.game_days.record import fold, journal_of
        from chaos.publish.day_stages import PublishedDayStages

        day = fold(journal_of(observer.run.folder).events())
        return await reported(day, observer.run, PublishedDayStages(out, observer))
