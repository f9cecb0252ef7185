"""The five stages of an experiment as Prefect tasks: each carries out the stage that it is given.

Nothing is cached: a stage of one run is never the stage of another. Only opening a sandbox is ever retried.
Each task returns what the next one takes: that is how Prefect draws them as one chain.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import task_run
from prefect.tasks import Task

from chaos.analysis.result import Result
from chaos.errors import ChaosLabError, PublishError
from chaos.planning.plan import Plan
from chaos.runner.retries import pause_before
from chaos.runner.stages import open_sandbox
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.sandboxes import SandboxRef


async def _may_help(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether the error of that attempt says that another may go better."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, ChaosLabError) and error.retryable


@task(task_run_name="sandbox", persist_result=False, cache_policy=NO_CACHE, retry_condition_fn=_may_help)
async def sandbox(plan: Plan, run: Run, stop: Stop) -> SandboxRef:
    """Open the sandbox, with the app in it; pauses by itself before another attempt, so that it hears of a stop."""
    await pause_before(task_run.run_count - 1, stop)
    return await open_sandbox(plan, run, stop)


@task(task_run_name="inject", persist_result=False, cache_policy=NO_CACHE)
async def inject(
    plan: Plan, run: Run, ref: SandboxRef, stage: Callable[[Plan, Run, SandboxRef], Awaitable[None]]
) -> SandboxRef:
    """Start the agent, which carries out the timeline by itself; at most once a run."""
    await stage(plan, run, ref)
    return ref


@task(task_run_name="collect", persist_result=False, cache_policy=NO_CACHE)
async def collect(run: Run, ref: SandboxRef, stage: Callable[[Run, SandboxRef], Awaitable[None]]) -> Run:
    """Follow the agent's journal to its end."""
    await stage(run, ref)
    return run


@task(task_run_name="analyze", persist_result=False, cache_policy=NO_CACHE)
async def analyze(run: Run, stage: Callable[[Run], Awaitable[Result]]) -> Result:
    """Judge the journal and put it into words."""
    return await stage(run)


@task(task_run_name="visualize", persist_result=False, cache_policy=NO_CACHE)
async def visualize(
    run: Run, result: Result, stage: Callable[[Run, Result], Awaitable[Result]]
) -> Result | PublishError:
    """Draw the report and the dashboard, and this page's artifacts; or why not, which fails no task."""
    try:
        return await stage(run, result)
    except PublishError as error:
        return error
