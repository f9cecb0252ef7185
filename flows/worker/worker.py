"""Prefect worker of ours: the process worker, restricted to our flows.

A run is looked at once (`flows.worker.admission`). What starts it then is made here: the command, the folder, the
environment and the entrypoint, which the run's process takes instead of asking the API again. So it makes no
difference if the deployment, the run or the pool is changed a moment later.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import anyio.abc
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.runner._flow_run_executor import FlowRunExecutor, FlowRunExecutorContext
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.states import Failed
from prefect.workers.base import BaseWorkerResult
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult
from pydantic import PrivateAttr

from flows.prefect.progress import API_FAILURES
from flows.worker.admission import NotOursError, our_flow
from flows.worker.infrastructure import RUNNER

REFUSED = "Refused"
"""The name of the state of a run that is not carried out; its type is Failed."""


class OurConfiguration(ProcessJobConfiguration):
    """What starts a run: nothing of it is from the API but who the run is."""

    _deployment: DeploymentResponse | None = PrivateAttr(default=None)
    """As it was when the run was looked at."""

    @classmethod
    async def resolve_for_flow_run(
        cls,
        flow_run: FlowRun,
        *,
        client: PrefectClient,
        work_pool: WorkPool,
        worker_name: str,
        worker_id: UUID | None = None,
        deployment: DeploymentResponse | None = None,
    ) -> "OurConfiguration":
        """See BaseJobConfiguration: without the pool's template, and without anybody's job variables."""
        if deployment is None and flow_run.deployment_id is not None:
            deployment = await client.read_deployment(flow_run.deployment_id)
        flow = await client.read_flow(flow_run.flow_id)
        made = cls(env={**RUNNER["env"]})
        made._deployment = deployment
        made.prepare_for_flow_run(flow_run, deployment, flow, work_pool, worker_name, worker_id)
        return made


class OurWorker(ProcessWorker):
    """A process worker of our pool; `log` hears what it does not carry out."""

    job_configuration = OurConfiguration

    def __init__(self, *, log: Callable[[str], None], **options: Any) -> None:
        super().__init__(**options)
        self._say = log

    @classmethod
    def __dispatch_key__(cls) -> str:
        """Prefect finds worker classes by their type, and this one is not to be found by others."""
        return "chaoslab-process"

    async def _submit_run_and_capture_errors(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[int | Exception] | None = None
    ) -> BaseWorkerResult | Exception:
        """See BaseWorker: a run that is not ours ends here, with one sentence instead of a traceback."""
        try:
            with suppress(*API_FAILURES):  # `run` looks again in any case
                await self._looked_at(flow_run)
        except NotOursError as refusal:
            await self._refuse(flow_run, refusal)
            if task_status is not None:
                task_status.started(refusal)
            return refusal
        return await super()._submit_run_and_capture_errors(flow_run, task_status)

    async def _looked_at(self, run: FlowRun) -> None:
        """Raises NotOursError, and what Prefect's client raises."""
        known = run.deployment_id is not None
        our_flow(run, await self.client.read_deployment(run.deployment_id) if known else None)  # type: ignore[arg-type]

    async def _refuse(self, run: FlowRun, refusal: NotOursError) -> None:
        self._say(f"refused {run.name!a}: {refusal}")
        with suppress(*API_FAILURES):
            ended: State[Any] = Failed(name=REFUSED, message=str(refusal))
            await self.client.set_flow_run_state(run.id, ended, force=True)

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """See ProcessWorker. Raises NotOursError."""
        assert isinstance(configuration, OurConfiguration)
        entrypoint = our_flow(flow_run, configuration._deployment)

        async def our(_: FlowRun) -> Flow[Any, Any]:
            return load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)

        with tempfile.TemporaryDirectory(suffix="prefect") as folder:
            async with FlowRunExecutorContext() as context:
                starter = EngineCommandStarter(
                    entrypoint=entrypoint,
                    cwd=Path(folder).resolve(),
                    env=dict(configuration.env),
                    control_channel=context.control_channel,
                )
                executor = context.create_executor(
                    flow_run, starter, resolve_flow=our, propose_submitting=False
                )
                return await _carried_out(executor, task_status or anyio.TASK_STATUS_IGNORED)


async def _carried_out(
    executor: FlowRunExecutor, task_status: anyio.abc.TaskStatus[int]
) -> ProcessWorkerResult:
    """Start it, tell its pid, and wait for its end."""
    ended: list[Any] = []

    async def execute(*, task_status: anyio.abc.TaskStatus[Any] = anyio.TASK_STATUS_IGNORED) -> None:
        ended.append(await executor.submit(task_status=task_status))

    async with anyio.create_task_group() as group:
        handle = await group.start(execute)
        task_status.started(handle.pid)
    if not ended or ended[0] is None or ended[0].status_code is None:
        raise RuntimeError("the process of the flow run could not be started")
    return ProcessWorkerResult(status_code=ended[0].status_code, identifier=str(handle.pid))
