"""The stages of a game day with all that leaves it: its experiments published, its report, history, notices."""

import asyncio
from pathlib import Path

from chaos.game_days.day import Day
from chaos.game_days.learnt import DayReport
from chaos.game_days.pipeline import DayStages
from chaos.game_days.planning import DayPlan
from chaos.history import origin
from chaos.history.recording import record
from chaos.publish.game_day_report import write
from chaos.publish.notifications.notice import DayEvent, of_day
from chaos.publish.notifications.sending import send_notice
from chaos.publish.stages import PublishedStages
from chaos.runner.observer import RunObserver
from chaos.runner.pipeline import Stages
from chaos.runs.directory import Run


class PublishedDayStages(DayStages):
    """The same stages of a game day, shown and delivered."""

    page: str | None = None
    """Where the day is to be seen elsewhere."""

    def __init__(self, out: Path, observer: RunObserver | None = None) -> None:
        super().__init__(out, observer)
        self._telling: asyncio.Task[None] | None = None

    async def begun(self, plan: DayPlan, run: Run) -> None:
        """Write down where it came from."""
        origin.note(run, source=plan.source, started_by=self.observer.started_by)

    def stages_of(self, observer: RunObserver) -> Stages:
        """The stages of one of its experiments: shown and delivered, too."""
        return PublishedStages(observer)

    async def show(self, day: Day) -> None:
        """Say what is new; others hear of the day's beginning."""
        await super().show(day)
        if self._telling is None:  # beside the day, which goes on meanwhile
            self._telling = asyncio.create_task(self.notice("started", day))

    async def report(self, day: Day, run: Run) -> DayReport:
        """Write the report, and deliver the dashboard. Raises PublishError."""
        return await asyncio.to_thread(write, day, run.folder, self.page)

    async def published(self, run: Run, day: Day) -> None:
        """Take it into the history, and send_notice people."""
        await record(run.folder, self.observer.log)
        await self.notice("ended", day)

    async def notice(self, event: DayEvent, day: Day, why: str = "") -> None:
        """Tell those who want to know."""
        await send_notice(of_day(event, day, why, self.page), self.observer.log)
