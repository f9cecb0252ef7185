"""Conduct experiments and game days through Prefect for `chaoslab run`; prints nothing, and keeps it from printing."""

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from chaos.cli.run_experiment import Conduct
from chaos.cli.run_game_day import ConductDay
from chaos.errors import ChaosLabError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from prefect.client.schemas.objects import State

    from chaos.analysis.result import Result
    from chaos.game_days.day import Day
    from chaos.runs.directory import Run

T = TypeVar("T")

# Prefect reads these when it is first imported.
SETTINGS = {
    # Its logs go to the API only, never to the terminal.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    # A run that dies is seen to, where somebody watches.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
# A person waits: 5 s of patience per call with an API that has gone, not 70. Of a day, whose experiments ask all at
# once, a busy server refuses many a call the first time.
_TRIES = {"experiment": "1", "game day": "5"}


class FlowError(ChaosLabError):
    """Prefect could not carry the run through to a result."""


async def conduct_with_prefect(conduct: Conduct) -> "Result":
    """Carry out the plan as a flow run of the configured API, or of our local server, started when it must be."""
    async with prefect_api(conduct.say, "experiment"):
        return await _flow_run(conduct)


async def conduct_day_with_prefect(conduct: ConductDay) -> "Day":
    """The same for a game day."""
    async with prefect_api(conduct.say, "game day"):
        return await _day_run(conduct)


@asynccontextmanager
async def prefect_api(say: "Callable[[str], None]", what: str) -> "AsyncIterator[None]":
    """Prefect speaks to that API while the block lasts, and prints nothing. Raises ServerError."""
    for name, value in {**SETTINGS, "PREFECT_CLIENT_MAX_RETRIES": _TRIES[what]}.items():
        os.environ.setdefault(name, value)
    from flows.server.api import ensure_api
    from flows.server.local import speaking_to

    api = await asyncio.to_thread(ensure_api, say)
    with speaking_to(api.url):
        yield


async def _flow_run(conduct: Conduct) -> "Result":
    from flows.experiment.flow import experiment
    from flows.prefect.observer import WATCH, Watch

    def begin(run: "Run") -> None:
        conduct.run = run

    plan = conduct.plan
    watch = Watch(
        begin,
        conduct.on_event,
        lambda link: conduct.say(f"live: {link}"),
        conduct.stop,
        conduct.say,
        "terminal",
    )
    WATCH.set(watch)
    run = experiment(plan.source, plan.name, str(conduct.out), plan.seed, **plan.overrides, return_state=True)
    return await outcome_of(run, lambda: watch.result, conduct.say)


async def outcome_of(
    run: "Awaitable[State[Any]]", learnt: "Callable[[], T | None]", say: "Callable[[str], None]"
) -> "T":
    """What a flow run came to, as `learnt` has it. Raises FlowError, or the flow's own error, when that is nothing."""
    from flows.prefect.progress import API_FAILURES

    try:
        state = await run
    except API_FAILURES as error:  # Failures of the flow itself come back as its state.
        if (result := learnt()) is None:
            raise FlowError(f"the Prefect API failed: {error}") from error
        say(f"the Prefect API went away before the run could be closed there: {error}")
        return result
    if (result := learnt()) is None:
        failure = await state.aresult(raise_on_failure=False)
        if isinstance(failure, ChaosLabError):
            raise failure
        words = f"the flow run ended without a result: {state.name}: {state.message}"
        raise FlowError(words) from (failure if isinstance(failure, Exception) else None)
    return result


async def _day_run(conduct: ConductDay) -> "Day":
    from flows.game_day.flow import game_day
    from flows.prefect.observer import DAY_WATCH, DayWatch

    def begin(run: "Run") -> None:
        conduct.run = run

    watch = DayWatch(conduct.stop, begin, conduct.say)
    DAY_WATCH.set(watch)
    plan = conduct.plan
    run = game_day(plan.source, plan.name, str(conduct.out), anytime=conduct.anytime, return_state=True)
    return await outcome_of(run, lambda: watch.day, conduct.say)
