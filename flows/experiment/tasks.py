"""The five stages of an experiment as Prefect tasks: each is a stage of `chaos.runner.stages`, and what Prefect adds
to it.

Nothing is cached: a stage of one run is never the stage of another. Only opening a sandbox is ever retried.
Each stage returns what the next one takes: that is how Prefect draws them as one chain.
"""

import asyncio
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger
from prefect.runtime import flow_run, task_run
from prefect.tasks import Task
from prefect.utilities.urls import url_for

from chaos.analysis.result import Result
from chaos.analysis.trials import shown
from chaos.errors import ChaosLabError, PublishError
from chaos.events import Event
from chaos.explain.select import explain
from chaos.planning.plan import Plan
from chaos.publish.live_dashboard import Live
from chaos.publish.prometheus.live import Exporter
from chaos.runner import stages as runner
from chaos.runs.directory import Run
from chaos.sandboxes import SandboxRef
from flows.experiment import artifacts
from flows.prefect.observer import Watch
from flows.prefect.progress import API_FAILURES, PhaseProgress


async def _may_help(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether the error of that attempt says that another may go better."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, ChaosLabError) and error.retryable


@task(task_run_name="sandbox", persist_result=False, cache_policy=NO_CACHE, retry_condition_fn=_may_help)
async def sandbox(plan: Plan, run: Run, watch: Watch) -> SandboxRef:
    """Open the sandbox, with the app in it; pauses by itself before another attempt, so that it hears of a stop."""
    await runner.pause_before(task_run.run_count - 1, watch.stop)
    return await runner.open_sandbox(plan, run, watch.stop)


@task(task_run_name="inject", persist_result=False, cache_policy=NO_CACHE)
async def inject(plan: Plan, run: Run, ref: SandboxRef) -> SandboxRef:
    """Start the agent, which carries out the timeline by itself; at most once a run."""
    await runner.inject(plan, run, ref)
    return ref


@task(task_run_name="collect", persist_result=False, cache_policy=NO_CACHE)
async def collect(plan: Plan, run: Run, ref: SandboxRef, watch: Watch) -> Run:
    """Follow the agent's journal to its end, with a bar that moves."""
    progress = PhaseProgress(plan.name, plan.declared_s, get_run_logger())

    def both(event: Event) -> None:
        progress(event)
        watch.on_event(event)

    async with progress.shown():
        await runner.collect(run, ref, both, watch.stop)
    return run


@task(task_run_name="analyze", persist_result=False, cache_policy=NO_CACHE)
async def analyze(run: Run, metrics: Exporter) -> Result:
    """Judge the journal and put it into words; say what of its metrics was delivered."""
    result = await explain(run, await metrics.conclude(runner.analyze(run)))
    if result.analysis and result.analysis.note:
        get_run_logger().warning("analysis: %s", result.analysis.note)
    return result


@task(task_run_name="visualize", persist_result=False, cache_policy=NO_CACHE)
async def visualize(run: Run, result: Result, live: Live) -> Result:
    """Draw the report and the dashboard, and this page's artifacts; what cannot be shown changes no verdict."""
    from chaos.publish.report import visualize as draw  # a sync needs the flow, and none of its pictures

    logger = get_run_logger()
    result = result.model_copy(update={"links": result.links.model_copy(update={"prefect": page()})})
    try:
        result = await asyncio.to_thread(draw, run, result, live.delivery)
        await artifacts.publish(result, artifacts.picture(shown(list(run.journal.events()), result)))
    except (PublishError, *API_FAILURES) as error:
        logger.warning("not everything can be shown: %s", error)
    return result


def page() -> str | None:
    """Where this flow run is to be seen in the Prefect UI."""
    return url_for("flow-run", obj_id=flow_run.id)
