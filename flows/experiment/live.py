"""The dashboard of a run that is under way, as a link on its page in Prefect as soon as there is one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.artifacts import acreate_link_artifact
from prefect.logging import get_run_logger

from chaos.planning.plan import Plan
from chaos.publish.live_dashboard import Live, watched
from chaos.report.markdown import line
from chaos.runs.directory import Run
from flows.prefect.observer import Watch
from flows.prefect.progress import API_FAILURES


@asynccontextmanager
async def shown_live(plan: Plan, run: Run, watch: Watch) -> AsyncIterator[Live]:
    """Deliver it while the block lasts. What fails is said in the result, and stops nothing."""
    links: list[asyncio.Task[None]] = []

    def on_link(link: str) -> None:
        watch.on_link(link)
        links.append(asyncio.create_task(_link(plan.name, link)))

    try:
        async with watched(plan, run, on_link) as live:
            yield live
    finally:
        await asyncio.gather(*links)


async def _link(experiment: str, link: str) -> None:
    try:
        await acreate_link_artifact(
            link, link_text=line(link), key=f"{experiment}-live", description="This run, live in Grafana."
        )
    except API_FAILURES as error:
        get_run_logger().warning("the live dashboard has no link here: %s", error)
