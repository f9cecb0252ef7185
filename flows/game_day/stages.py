"""The stages of a game day as Prefect has them: experiments as flow runs, and people who answer on the day's page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import apause_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Running
from pydantic import Field

from chaos.analysis.result import Result
from chaos.game_days.day import Day
from chaos.game_days.deciding import Answer
from chaos.game_days.learnt import DayReport
from chaos.game_days.planning import DayPlan
from chaos.manifests.models.game_day import ByApproval
from chaos.planning.plan import Plan
from chaos.publish.day_stages import PublishedDayStages
from chaos.publish.notifications.notice import DayEvent
from chaos.runner.observer import RunObserver
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.units import DURATION
from flows.experiment.calling import call
from flows.experiment.came_from import note_origin
from flows.experiment.stages import introduce, page
from flows.game_day.page import DayPage, publish
from flows.prefect.events import notice_day
from flows.prefect.kill_switch import heeded

LOOK_EVERY_S = 1
"""How long an answer may wait."""


class Approval(RunInput):
    """The form on the page of a day that waits for a person."""

    go: bool = Field(False, description="On: the game day goes on. Off: it ends.")
    who: str = Field("", description="Who decides.")
    why: str = Field("", description="What is to be kept in the report.")


@dataclass(frozen=True, slots=True)
class Pinned:
    """The commit that a day and its experiments are of."""

    root: Path
    """The folder that its manifests were written to."""
    repository: str
    commit: str

    def parameters(self, plan: Plan) -> dict[str, str]:
        """What the flow run of an experiment is told of it."""
        manifest = str(Path(plan.source).relative_to(self.root))
        return {"manifest": manifest, "repository": self.repository, "commit": self.commit}


class PrefectDayStages(PublishedDayStages):
    """Of one flow run: experiments are flow runs below it."""

    def __init__(self, out: str, plan: DayPlan, observer: RunObserver, commit: Pinned | None) -> None:
        super().__init__(Path(out), observer)
        self._page = DayPage(plan)
        self._pinned = commit
        self.page = page()
        self.external_run_id = str(flow_run.id)

    @asynccontextmanager
    async def admitted(self, plan: DayPlan) -> AsyncIterator[Stop]:
        """This machine's switch, and Prefect's."""
        async with heeded(self.observer.stop) as stop:
            yield stop

    async def begun(self, plan: DayPlan, run: Run) -> None:
        """Write down where it came from, and say on the day's page which day it is."""
        note_origin(run, plan.source, self.observer.started_by)
        await introduce(plan.name, plan.labels, run)

    @asynccontextmanager
    async def accompanied(self, plan: DayPlan, run: Run) -> AsyncIterator[None]:
        """A bar on its page."""
        async with self._page.shown():
            yield

    async def run(self, plan: Plan, observer: RunObserver) -> Result:
        """One experiment as a flow run of its own. Raises ChaosLabError."""
        where = self._pinned.parameters(plan) if self._pinned else {}
        return await call(plan, self.out, observer, get_run_logger().warning, **where)

    async def ask(self, stage: str, gate: ByApproval) -> Answer:
        """Pause the day until somebody resumes it with an answer, or the time is over."""
        self.observer.log(f"a person is asked: {gate.question} {self.page}")
        if self.day is not None:
            await self.notice("waiting", self.day, gate.question)
        return await ask(stage, gate)

    async def show(self, day: Day) -> None:
        """Move the bar, and tell who waits for it that the day has begun."""
        await super().show(day)
        await self._page.show(day)

    async def report(self, day: Day, run: Run) -> DayReport:
        """With the report on the day's page. Raises PublishError."""
        report = await super().report(day, run)
        await publish(report)
        return report

    async def notice(self, event: DayEvent, day: Day, why: str = "") -> None:
        """As an event of Prefect, too."""
        await notice_day(event, day, why, self.page)


async def ask(stage: str, gate: ByApproval) -> Answer:
    """Pause this flow run until somebody resumes it with an answer; nobody's answer is no."""
    form = Approval.with_initial_data(description=f"**After “{stage}”**: {gate.question}")
    try:
        said = await apause_flow_run(
            wait_for_input=form, timeout=ceil(gate.within), poll_interval=LOOK_EVERY_S
        )
    except FlowPauseTimeout:
        # Prefect would end a pause that is over as Failed, whatever state the day wants to end in.
        async with get_client() as client:
            await client.set_flow_run_state(UUID(flow_run.id), Running(), force=True)
        return Answer(False, f"nobody answered within {DURATION.format(gate.within)}")
    why = said.why.strip() or ("approved" if said.go else "refused")
    return Answer(said.go, why, said.who.strip() or None)
