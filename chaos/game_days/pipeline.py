"""The one pipeline of a game day: the order in which it is carried out, whoever asks for it.

1. admitted   the kill switch is off, and the day may run now
2. begun      the day has its folder
3. conduct    stages, follow-ups, go/no-go (`chaos.game_days.conducting`); each experiment by `chaos.runner.pipeline`
4. report     over all of its experiments; what cannot be shown changes no verdict
5. published  the day's history, notices
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from chaos.analysis.result import Result
from chaos.errors import ChaosLabError, PlanError, PublishError
from chaos.game_days.conducting import conduct
from chaos.game_days.day import Day
from chaos.game_days.deciding import Answer, check_time
from chaos.game_days.gathering import keep_record, learnt
from chaos.game_days.learnt import DayReport
from chaos.game_days.new_lines import new_lines
from chaos.game_days.planning import DayPlan
from chaos.manifests.models.game_day import ByApproval
from chaos.planning.plan import Plan
from chaos.runner.observer import RunObserver
from chaos.runner.pipeline import Stages, execute
from chaos.runs.active import DAYS, registered
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.runs.kill_switch import heeded


class DayStages:
    """What each stage of a day does in this process, as far as its verdict needs it. Nothing leaves."""

    external_run_id: str | None = None
    """What somebody else calls this day: the id of a flow run."""

    def __init__(self, out: Path, observer: RunObserver | None = None) -> None:
        self.out = out
        self.observer = observer or RunObserver()
        self.day: Day | None = None
        """As far as it has got."""

    @asynccontextmanager
    async def admitted(self, plan: DayPlan) -> AsyncIterator[Stop]:
        """What ends the day early, while the block lasts. Raises Halted, and PlanError when people are to be asked."""
        for stage in plan.spec.stages:
            if any(gate.type == "approval" for gate in stage.go_no_go):
                words = "a person approves on a page of the Prefect UI; leave out --no-prefect"
                raise PlanError(f"{plan.source}: after '{stage.name}' {words}")
        async with heeded(self.observer.stop):
            yield self.observer.stop

    async def begun(self, plan: DayPlan, run: Run) -> None:
        """The day has its folder."""

    @asynccontextmanager
    async def accompanied(self, plan: DayPlan, run: Run) -> AsyncIterator[None]:
        """What goes on beside all stages."""
        yield

    def stages_of(self, observer: RunObserver) -> Stages:
        """The stages of one of its experiments."""
        return Stages(observer)

    async def run(self, plan: Plan, observer: RunObserver) -> Result:
        """One experiment. Raises ChaosLabError."""
        observer.log = self.observer.log
        return await execute(plan, self.stages_of(observer), self.out)

    async def ask(self, stage: str, gate: ByApproval) -> Answer:
        """Nobody is there."""
        raise PlanError(f"after '{stage}' a person is to be asked, and there is no Prefect to ask with")

    async def show(self, day: Day) -> None:
        """Say what is new."""
        for line in new_lines(self.day, day):
            self.observer.log(line)
        self.day = day

    async def report(self, day: Day, run: Run) -> DayReport:
        """Sum the day up, and write what people look at. Raises PublishError."""
        return await asyncio.to_thread(_summed_up, day, run)

    async def published(self, run: Run, day: Day) -> None:
        """The day is over: whoever wants to know of it is told. Raises nothing."""


async def execute_day(plan: DayPlan, stages: DayStages, *, anytime: bool = False) -> DayReport:
    """Carry out the day, with a folder for it and one for each run in `stages.out`, and sum it up.

    Raises NotNow when it may not begin, Halted, PlanError, and ChaosLabError when the disk refuses.
    """
    check_time(plan, datetime.now(UTC), anytime=anytime)
    async with stages.admitted(plan) as stop:
        run = Run.new(plan.name, stages.out)
        with registered(run, stages.external_run_id, DAYS):
            stages.observer.begun(run)
            await stages.begun(plan, run)
            async with stages.accompanied(plan, run):
                stages.day = day = await conduct(plan, run, stages, stop, anytime=anytime)
            report = await reported(day, run, stages)
    await stages.published(run, day)
    return report


async def reported(day: Day, run: Run, stages: DayStages) -> DayReport:
    """The day's report; when it cannot be drawn, day.json alone, and that is said."""
    try:
        return await stages.report(day, run)
    except PublishError as error:
        stages.observer.log(f"no report: {error}")
    try:
        return await asyncio.to_thread(_summed_up, day, run)
    except ChaosLabError as error:
        stages.observer.log(str(error))
    return (await asyncio.to_thread(learnt, day, run.folder))[0]


def _summed_up(day: Day, run: Run) -> DayReport:
    report, _ = learnt(day, run.folder)
    keep_record(report, run.folder)
    return report
