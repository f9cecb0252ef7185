"""A session with Prefect for a program that calls flows in its own process: its API, and what a flow run came to.

Prints nothing, and keeps Prefect from printing. Nothing of Prefect is imported before its settings are made.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from chaos.errors import ChaosLabError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

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


@asynccontextmanager
async def prefect_api(say: Callable[[str], None], what: str) -> AsyncIterator[None]:
    """Prefect speaks to that API while the block lasts, and prints nothing. Raises ServerError."""
    for name, value in {**SETTINGS, "PREFECT_CLIENT_MAX_RETRIES": _TRIES[what]}.items():
        os.environ.setdefault(name, value)
    from flows.server.api import ensure_api  # imports Prefect, which reads the settings above
    from flows.server.local import speaking_to

    api = await asyncio.to_thread(ensure_api, say)
    with speaking_to(api.url):
        yield


async def result_of(
    run: "Awaitable[State[Any]]", learnt: Callable[[], T | None], say: Callable[[str], None]
) -> T:
    """What a flow run came to, as `learnt` has it. Raises FlowError, or the flow's own error, when that is nothing."""
    from flows.prefect.progress import API_FAILURES  # imports Prefect, which reads the settings above

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
