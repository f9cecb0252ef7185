"""What a game day needs of Prefect: its experiments as flow runs, and people who answer on the day's page."""

from collections.abc import Callable
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
from chaos.game_days.conducting import Began
from chaos.game_days.day import Day
from chaos.game_days.deciding import Answer
from chaos.game_days.new_lines import new_lines
from chaos.manifests.models.game_day import ByApproval
from chaos.planning.plan import Plan
from chaos.runs.cancellation import Stop
from chaos.units import DURATION
from flows.experiment.flow import experiment
from flows.experiment.tasks import page
from flows.game_day.conduct import outcome_of
from flows.game_day.page import DayPage
from flows.prefect.events import notice_day
from flows.prefect.observer import WATCH, Watch

LOOK_EVERY_S = 1
"""How long an answer may wait."""


class Approval(RunInput):
    """The form on the page of a day that waits for a person."""

    go: bool = Field(False, description="On: the game day goes on. Off: it ends.")
    who: str = Field("", description="Who decides.")
    why: str = Field("", description="What is to be kept in the report.")


@dataclass(slots=True)
class PrefectHands:
    """Carries out experiments as flow runs below the day's."""

    out: str
    root: Path
    """The folder that the manifests of a commit were written to."""
    repository: str | None
    commit: str | None
    page: DayPage
    say: Callable[[str], None]
    """Told in words what happens."""
    _day: Day | None = None

    async def run(self, plan: Plan, began: Began, stop: Stop) -> Result:
        """One experiment. Raises ChaosLabError."""
        watch = Watch(on_begin=began, stop=stop, by="game day")
        WATCH.set(watch)
        pinned = self.repository is not None and self.commit is not None
        below = experiment(
            str(Path(plan.source).relative_to(self.root)) if pinned else plan.source,
            plan.name,
            self.out,
            repository=self.repository,
            commit=self.commit,
            **plan.overrides,
            return_state=True,
        )
        return await outcome_of(below, lambda: watch.result, get_run_logger().warning)

    async def ask(self, stage: str, gate: ByApproval) -> Answer:
        """Pause the day until somebody resumes it with an answer, or the time is over."""
        self.say(f"a person is asked: {gate.question} {page()}")
        if self._day is not None:
            await notice_day("waiting", self._day, gate.question, page())
        return await ask(stage, gate)

    async def show(self, day: Day) -> None:
        """Move the bar, and tell who waits for it that the day has begun."""
        for line in new_lines(self._day, day):
            self.say(line)
        begun = self._day is None
        self._day = day
        if begun:
            await notice_day("started", day, link=page())
        await self.page.show(day)


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
