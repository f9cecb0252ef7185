"""A game day's page in Prefect: the bar that moves while its experiments end, and what is found there afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    aupdate_progress_artifact,
)
from prefect.logging import get_run_logger

from chaos.game_days.day import Day
from chaos.game_days.learnt import DayReport
from chaos.game_days.planning import DayPlan
from chaos.report.day_markdown import markdown
from chaos.report.markdown import line
from flows.prefect.progress import API_FAILURES


class DayPage:
    """The bar: of the planned experiments, those that have ended."""

    def __init__(self, plan: DayPlan) -> None:
        self._name = plan.name
        self._planned = len(plan.planned)
        self._bar: UUID | None = None

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """A bar on the page while the block lasts; without one when the API refuses."""
        about = f"{self._planned} experiment(s) planned"
        try:
            self._bar = await acreate_progress_artifact(0.0, key=f"{self._name}-progress", description=about)
        except API_FAILURES as error:
            get_run_logger().warning("no progress bar: %s", error)
        yield

    async def show(self, day: Day) -> None:
        """Move it to where the day is."""
        if self._bar is None:
            return
        ended = [each for each in day.ran if each.ended_at is not None and each.follow_up_of is None]
        running = [each.experiment for each in day.ran if each.ended_at is None]
        where = f"{day.stages[-1].name}: {', '.join(running) or 'deciding'}" if day.stages else "starting"
        try:
            await aupdate_progress_artifact(
                self._bar, round(100 * len(ended) / self._planned, 1), description=line(where)
            )
        except API_FAILURES as error:
            self._bar = None  # Each call of a client that finds nobody costs seconds.
            get_run_logger().warning("the progress bar stands still: %s", error)


async def publish(report: DayReport) -> None:
    """The report as Markdown, and links to its page and its dashboard. What fails is said in the log."""
    name = report.game_day
    work = [acreate_markdown_artifact(markdown(report), key=f"{name}-report", description=line(report.why))]
    for what, link in (("page", report.links.report), ("dashboard", report.links.dashboard)):
        if link:
            about = f"The {what} of this game day."
            work.append(
                acreate_link_artifact(link, link_text=line(link), key=f"{name}-{what}", description=about)
            )
    try:
        await asyncio.gather(*work)
    except API_FAILURES as error:
        get_run_logger().warning("not everything can be shown: %s", error)
