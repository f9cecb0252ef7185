"""Conduct an experiment through Prefect for `chaoslab run`; prints nothing, and keeps Prefect from printing."""

import asyncio
import os
from typing import TYPE_CHECKING, Any

from chaos.conduct import Conduct
from chaos.errors import ChaosLabError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prefect.client.schemas.objects import State

    from chaos.measure.result import Result
    from chaos.run import Run
    from flows.watch import Watch

# Prefect reads these when it is first imported.
SETTINGS = {
    # Its logs go to the API only, never to the terminal.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    # A person waits: 5 s of patience per call with an API that has gone, not 70.
    "PREFECT_CLIENT_MAX_RETRIES": "1",
}


class FlowError(ChaosLabError):
    """Prefect could not carry the run through to a result."""


async def conduct_with_prefect(conduct: Conduct) -> "Result":
    """Carry out the plan as a flow run of the configured API, or of our local server, started when it must be."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from flows.server import ensure_api

    api = await asyncio.to_thread(ensure_api, conduct.say)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api.url}):
        return await _flow_run(conduct)


async def _flow_run(conduct: Conduct) -> "Result":
    from flows.experiment import experiment
    from flows.watch import WATCH, Watch

    def begin(run: "Run") -> None:
        conduct.run = run

    plan = conduct.plan
    watch = Watch(begin, conduct.on_event, lambda link: conduct.say(f"live: {link}"), conduct.stop)
    WATCH.set(watch)
    run = experiment(plan.source, plan.name, str(conduct.out), plan.seed, **plan.overrides, return_state=True)
    return await result_of(run, watch, conduct.say)


async def result_of(run: "Awaitable[State[Any]]", watch: "Watch", say: "Callable[[str], None]") -> "Result":
    """What a flow run that `watch` watches came to. Raises FlowError, or the flow's own error, when that is nothing."""
    from flows.progress import API_FAILURES

    try:
        state = await run
    except API_FAILURES as error:  # Failures of the flow itself come back as its state.
        if watch.result is None:
            raise FlowError(f"the Prefect API failed: {error}") from error
        say(f"the Prefect API went away before the run could be closed there: {error}")
        return watch.result
    if watch.result is None:
        failure = await state.aresult(raise_on_failure=False)
        if isinstance(failure, ChaosLabError):
            raise failure
        words = f"the flow run ended without a result: {state.name}: {state.message}"
        raise FlowError(words) from (failure if isinstance(failure, Exception) else None)
    return watch.result
