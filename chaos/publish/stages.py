"""The stages of a run with all that leaves it: metrics, a live dashboard, a model's words, report, history, notices.

What is published never matters to a verdict: what cannot be delivered is said, and the run goes on.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from chaos.errors import PublishError
from chaos.history import origin
from chaos.history.recording import record
from chaos.history.uploads.beside import elsewhere
from chaos.host.import_lock import ONE_AT_A_TIME
from chaos.manifests.ad_hoc import yaml_of
from chaos.planning.plan import Plan
from chaos.publish.live_dashboard import Live, watched
from chaos.publish.prometheus.live import Exporter, exported
from chaos.runner.observer import RunObserver
from chaos.runner.pipeline import Stages
from chaos.runs.directory import Run, write_whole

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.runner.pipeline import Conclude


def keep_manifest(plan: Plan, run: Run) -> None:
    """What is run, to be run again; a disk that refuses costs the folder this file, and the run nothing."""
    with contextlib.suppress(OSError, UnicodeError):
        write_whole(run.manifest, yaml_of(plan.manifest))


class PublishedStages(Stages):
    """The same stages, shown and delivered."""

    reads_ahead = True
    """Whether what comes after the trials is imported while the sandbox is being opened: nothing is watched yet."""

    def __init__(self, observer: RunObserver | None = None) -> None:
        super().__init__(observer)
        self._metrics: Exporter | None = None
        self._live = Live()

    async def begun(self, plan: Plan, run: Run) -> None:
        """Write down where it came from, and what it is: the index of runs can be rebuilt from there."""
        keep_manifest(plan, run)
        origin.note(run, source=plan.source, started_by=self.observer.started_by)

    @asynccontextmanager
    async def delivered(self, run: Run) -> AsyncIterator["Conclude"]:
        """Bring journal and files to the console and the bucket that are configured."""
        async with elsewhere(run, self.observer.log) as delivery:
            yield delivery.conclude

    @asynccontextmanager
    async def accompanied(self, plan: Plan, run: Run) -> AsyncIterator[None]:
        """Export its metrics, and show its dashboard."""
        reading = asyncio.create_task(asyncio.to_thread(_read_ahead)) if self.reads_ahead else None
        try:
            async with (
                exported(run) as self._metrics,
                watched(plan, run, self.observer.on_link) as self._live,
            ):
                yield
        finally:
            if reading is not None:
                await reading

    async def analyze(self, run: Run) -> "Result":
        """Judge it, say what of its metrics was delivered, and put it into the words that its manifest asks for."""
        from chaos.explain.select import explain  # read while the sandbox was being opened

        result = await super().analyze(run)
        if self._metrics is not None:
            result = await self._metrics.conclude(result)
        return await explain(run, result)

    async def visualize(self, run: Run, result: "Result") -> "Result":
        """Draw report and dashboard, and deliver the dashboard. Raises PublishError."""
        from chaos.publish.report import visualize  # read while the sandbox was being opened

        return await asyncio.to_thread(visualize, run, result, self._live.delivery)

    async def published(self, run: Run, result: "Result") -> None:
        """Take it into the history, and send_notice people."""
        await record(run.folder, self.observer.log)
        await self.notice(result)

    async def notice(self, result: "Result") -> None:
        """Tell those who want to know."""
        from chaos.publish.notifications.notice import of_result  # nothing of it is needed by a run
        from chaos.publish.notifications.sending import send_notice

        await send_notice(of_result(result), self.observer.log)


def _read_ahead() -> None:
    """Make ready what comes later while the sandbox is being opened: then nothing is watched yet."""
    with ONE_AT_A_TIME, contextlib.suppress(PublishError):  # it is said when the report is due
        from chaos.history import recording
        from chaos.publish import report
        from chaos.runner import agent_bundle

        agent_bundle.build()
        import_module("chaos.explain.rules")
        report.prepare()
        recording.prepare()
