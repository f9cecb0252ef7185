"""One game day as the command line carries it out: who conducts it, with Prefect or without."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.cli.run_experiment import Conduct, Conductor, directly, heeding_signals
from chaos.errors import Interrupted, PlanError
from chaos.runs.cancellation import Stop

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.events import Event
    from chaos.game_days.conducting import Began
    from chaos.game_days.day import Day
    from chaos.game_days.deciding import Answer
    from chaos.game_days.learnt import DayReport
    from chaos.game_days.planning import DayPlan
    from chaos.manifests.models.game_day import ByApproval
    from chaos.planning.plan import Plan
    from chaos.runs.directory import Run


@dataclass(slots=True)
class ConductDay:
    """What a conductor gets, and what it leaves."""

    plan: "DayPlan"
    out: Path
    say: Callable[[str], None]
    anytime: bool = False
    stop: Stop = field(default_factory=Stop)
    """Set on the first Ctrl-C, or by the switch: running experiments end, nothing more is begun."""
    run: "Run | None" = None
    """The day's folder."""


DayConductor = Callable[[ConductDay], Awaitable["Day"]]


@dataclass(frozen=True, slots=True)
class Conductors:
    """Who carries out `chaoslab run`; the flows put theirs in, because nothing here may know of Prefect."""

    flow: Conductor | None = None
    day: DayConductor | None = None


async def day_directly(conduct: ConductDay) -> "Day":
    """Carry out the day in this process, with no server. Raises Halted, and PlanError when people are to be asked."""
    from chaos.game_days.conducting import conduct as carry_out
    from chaos.history import origin
    from chaos.history.recording import record
    from chaos.publish import game_day_report as reporting
    from chaos.publish.notifications.notice import of_day
    from chaos.publish.notifications.sending import send_notice
    from chaos.runs.active import DAYS, registered
    from chaos.runs.directory import Run
    from chaos.runs.kill_switch import heeded

    for stage in conduct.plan.spec.stages:
        if any(gate.type == "approval" for gate in stage.go_no_go):
            words = "a person approves on a page of the Prefect UI; leave out --no-prefect"
            raise PlanError(f"{conduct.plan.source}: after '{stage.name}' {words}")
    async with heeded(conduct.stop):
        conduct.run = run = Run.new(conduct.plan.name, conduct.out)
        origin.note(run, source=conduct.plan.source, started_by="terminal")
        with registered(run, among=DAYS):
            hands = _Hands(conduct)
            day = await carry_out(conduct.plan, run, hands, conduct.stop, anytime=conduct.anytime)
            await send_notice(of_day("ended", day), conduct.say)
            await asyncio.to_thread(reporting.write, day, run.folder)
    await record(run.folder, conduct.say)
    return day


async def interruptible_day(conductor: DayConductor, conduct: ConductDay) -> "DayReport":
    """The first Ctrl-C ends what runs, then the day; a second one abandons both. Raises Interrupted, PublishError."""
    from chaos.publish import game_day_report as reporting

    try:
        await heeding_signals(conductor(conduct), conduct.stop, conduct.say)
    except asyncio.CancelledError:
        if conduct.run is None:
            raise Interrupted("abandoned before anything was begun") from None
        from chaos.game_days.record import fold, journal_of

        return reporting.write(fold(journal_of(conduct.run.folder).events()), conduct.run.folder)
    assert conduct.run is not None
    return reporting.revisit(conduct.run.folder)


@dataclass(slots=True)
class _Hands:
    """Carries out experiments one by one in this process."""

    conduct: ConductDay
    day: "Day | None" = None
    telling: "asyncio.Task[None] | None" = None

    async def run(self, plan: "Plan", began: "Began", stop: Stop) -> "Result":
        """One experiment. Raises ChaosLabError."""
        told = False

        def on_event(event: "Event") -> None:
            nonlocal told
            if not told and own.run is not None:
                told = True
                began(own.run)

        own = Conduct(plan, self.conduct.out, on_event, self.conduct.say, stop)
        return await directly(own)

    async def ask(self, stage: str, gate: "ByApproval") -> "Answer":
        """Nobody is there."""
        raise PlanError(f"after '{stage}' a person is to be asked, and there is no Prefect to ask with")

    async def show(self, day: "Day") -> None:
        """Say what is new; others hear of the day's beginning."""
        from chaos.game_days.new_lines import new_lines
        from chaos.publish.notifications.notice import of_day
        from chaos.publish.notifications.sending import send_notice

        for line in new_lines(self.day, day):
            self.conduct.say(line)
        self.day = day
        if self.telling is None:  # beside the day, which goes on meanwhile
            self.telling = asyncio.create_task(send_notice(of_day("started", day), self.conduct.say))
