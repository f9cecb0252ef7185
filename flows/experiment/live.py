"""The dashboard of a run that is under way, as a link on its page in Prefect as soon as there is one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from prefect.artifacts import acreate_link_artifact
from prefect.logging import get_run_logger

from chaos.report.markdown import line
from flows.prefect.progress import API_FAILURES


class LiveLinks:
    """Told the link, passes it on, and puts it on the page of the flow run."""

    def __init__(self, on_link: Callable[[str], None]) -> None:
        self._on_link = on_link
        self._experiment = ""
        self._tasks: list[asyncio.Task[None]] = []

    def __call__(self, link: str) -> None:
        """There is one."""
        self._on_link(link)
        self._tasks.append(asyncio.create_task(_link(self._experiment, link)))

    @asynccontextmanager
    async def of(self, experiment: str) -> AsyncIterator[None]:
        """Of that experiment, while the block lasts; what was begun is waited for at its end."""
        self._experiment = experiment
        try:
            yield
        finally:
            await asyncio.gather(*self._tasks)


async def _link(experiment: str, link: str) -> None:
    try:
        await acreate_link_artifact(
            link, link_text=line(link), key=f"{experiment}-live", description="This run, live in Grafana."
        )
    except API_FAILURES as error:
        get_run_logger().warning("the live dashboard has no link here: %s", error)
