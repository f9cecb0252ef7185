"""The stages of a run as Prefect has them: a task of each, a bar that moves, links and artifacts on the run's page."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.utilities.urls import url_for

from chaos.analysis import trials
from chaos.analysis.result import Result
from chaos.errors import PublishError
from chaos.events import Event
from chaos.planning.plan import Plan
from chaos.publish.stages import PublishedStages, keep_manifest
from chaos.runner.concurrency import in_turn
from chaos.runner.observer import RunObserver
from chaos.runner.stages import collect
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.sandboxes import SandboxRef
from flows.experiment import artifacts, tasks
from flows.experiment.came_from import note_origin
from flows.experiment.live import LiveLinks
from flows.prefect.concurrency import global_limit
from flows.prefect.events import notice_result
from flows.prefect.kill_switch import heeded
from flows.prefect.labels import FOLDER, RUN
from flows.prefect.progress import API_FAILURES, PhaseProgress


class PrefectStages(PublishedStages):
    """Of one flow run."""

    reads_ahead = False

    def __init__(self, observer: RunObserver) -> None:
        """What `observer` is told is in the flow run's log, too."""
        self._logger = get_run_logger()
        self._links = LiveLinks(observer.on_link)
        super().__init__(replace(observer, log=self._log, on_link=self._links, on_begin=observer.begun))
        self._caller = observer
        self.external_run_id = str(flow_run.id)

    def _log(self, line: str) -> None:
        self._logger.info(line)
        self._caller.log(line)

    @asynccontextmanager
    async def admitted(self, plan: Plan) -> AsyncIterator[Stop]:
        """This machine's switch and places, and those of all machines."""
        async with (
            heeded(self.observer.stop) as stop,
            in_turn(plan.at_once, self._log, stop),
            global_limit(plan.at_once, self._log, stop),
        ):
            yield stop

    async def begun(self, plan: Plan, run: Run) -> None:
        """Write down where it came from, and say on the run's page which run it is."""
        keep_manifest(plan, run)
        note_origin(run, plan.source, self.observer.started_by)
        await introduce(plan.name, plan.labels, run)

    @asynccontextmanager
    async def accompanied(self, plan: Plan, run: Run) -> AsyncIterator[None]:
        """The same, and the live dashboard's link on the run's page."""
        async with self._links.of(plan.name), super().accompanied(plan, run):
            yield

    async def sandbox(self, trial: Plan, run: Run, stop: Stop) -> SandboxRef:
        """As a task, with as many tries as the manifest grants."""
        return await tasks.sandbox.with_options(retries=trial.retries)(trial, run, stop)

    async def inject(self, trial: Plan, run: Run, ref: SandboxRef) -> None:
        """As a task."""
        await tasks.inject(trial, run, ref, super().inject)

    async def collect(self, trial: Plan, run: Run, ref: SandboxRef, stop: Stop) -> None:
        """As a task, with a bar that moves."""
        progress = PhaseProgress(trial.name, trial.declared_s, self._logger)

        def both(event: Event) -> None:
            progress(event)
            self.observer.on_event(event)

        async def stage(run: Run, ref: SandboxRef) -> None:
            async with progress.shown():
                await collect(run, ref, both, stop)

        await tasks.collect(run, ref, stage)

    async def analyze(self, run: Run) -> Result:
        """As a task; the result says where this flow run is to be seen."""
        result = await tasks.analyze(run, super().analyze)
        if result.analysis and result.analysis.note:
            self._logger.warning("analysis: %s", result.analysis.note)
        return result.model_copy(update={"links": result.links.model_copy(update={"prefect": page()})})

    async def visualize(self, run: Run, result: Result) -> Result:
        """As a task, with artifacts beside the report. Raises PublishError."""
        shown = await tasks.visualize(run, result, self._shown)
        if isinstance(shown, PublishError):
            raise shown
        return shown

    async def _shown(self, run: Run, result: Result) -> Result:
        result = await super().visualize(run, result)
        try:
            events = await asyncio.to_thread(lambda: trials.shown(list(run.journal.events()), result))
            await artifacts.publish(result, artifacts.picture(events))
        except API_FAILURES as error:
            self._logger.warning("not everything can be shown: %s", error)
        return result

    async def notice(self, result: Result) -> None:
        """As an event of Prefect, too."""
        await notice_result(result, self._log)


async def introduce(name: str, labels: Mapping[str, str], run: Run) -> None:
    """Give the flow run its name, its tags, and the labels by which others find the run and its folder."""
    tags = sorted({*flow_run.tags, name, *(f"{key}:{value}" for key, value in labels.items())})
    async with get_client() as client:
        await client.update_flow_run(flow_run.id, name=f"{name}-{run.id[-6:]}", tags=tags)
        found: dict[str, Any] = {RUN: run.id, FOLDER: str(run.folder)}
        await client.update_flow_run_labels(UUID(flow_run.id), found)


def page() -> str | None:
    """Where this flow run is to be seen in the Prefect UI."""
    return url_for("flow-run", obj_id=flow_run.id)
