"""Periodic clean-up beside a worker: runs of dead processes are closed, here and in Prefect.

A run whose process died says so in Prefect within seconds, not only when its heartbeat has been missed; the fault had
undone itself already, in the sandbox.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from chaos.analysis.result import Result
from chaos.cli.gc import aside_or
from chaos.errors import ChaosLabError
from chaos.history.recording import record
from chaos.publish.game_day_cleanup import close_abandoned
from chaos.publish.notifications.notice import of_day, of_result
from chaos.runner import cleanup as reaping
from chaos.verdict import Outcome
from flows.prefect.events import notify_of_abandoned
from flows.prefect.progress import API_FAILURES
from flows.prefect.states import state_of

POLL_EVERY_S = 5.0
"""For runs: a look at one small folder."""
SWEEP_EVERY_S = 60.0
"""For sandboxes: their providers are asked."""
DIED = "its runner died; its fault and its sandbox are gone"


@asynccontextmanager
async def periodic_cleanup(log: Callable[[str], None]) -> AsyncIterator[None]:
    """Reap now and again while the block lasts."""
    task = asyncio.create_task(_again_and_again(log))
    task.add_done_callback(lambda done: None if done.cancelled() else log(_gave_up(done)))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _gave_up(done: "asyncio.Task[None]") -> str:
    """A mistake of ours: runs are carried out all the same, and nobody is left in the dark."""
    return f"nothing is cleaned up any more: {done.exception()!r}; start `chaoslab serve` again"


async def clean_up_runs(client: PrefectClient, log: Callable[[str], None]) -> AsyncIterator[str]:
    """Close the runs, then the game days, that were left behind, and tell of them; a line for each.

    Raises ChaosLabError, and what Prefect's client raises.
    """
    async for left, result, aside in reaping.close_left_behind():
        if left.flow_run is not None:
            with suppress(ObjectNotFound):  # of another server
                await _close(client, UUID(left.flow_run), result)
        if result is not None:
            await record(left.run.folder, log)
            await notify_of_abandoned(of_result(result), left.flow_run, log)
        yield f"{left.run.id}: {DIED}" if aside is None else aside_or(left, aside, DIED)
    async for left, day, aside in close_abandoned():
        if left.flow_run is not None:
            with suppress(ObjectNotFound):
                await _close(client, UUID(left.flow_run), None)
        if day is not None:
            await record(left.run.folder, log)
            await notify_of_abandoned(of_day("ended", day), left.flow_run, log)
        ran = "" if day is None else f", after {len(day.ran)} experiment(s)"
        died = f"{left.run.id}: the process of this game day died{ran}; its report says what ran"
        yield died if aside is None else aside_or(left, aside, died)


async def _close(client: PrefectClient, flow_run: UUID, result: Result | None) -> None:
    now = (await client.read_flow_run(flow_run)).state
    if now is None or not now.is_final():
        await client.set_flow_run_state(flow_run, _ended(now, result), force=True)


def _ended(now: State | None, result: Result | None) -> State:
    """The state that the dead runner would have reported, had it lived."""
    if now is not None and now.is_cancelling():
        return Cancelled(message=DIED)
    if result is None or result.outcome is Outcome.CRASHED:
        return Crashed(message=DIED)
    return state_of(result)


async def _again_and_again(log: Callable[[str], None]) -> None:
    swept, said = float("-inf"), ""
    while True:
        try:
            async with get_client() as client:
                async for line in clean_up_runs(client, log):
                    log(line)
            if monotonic() - swept > SWEEP_EVERY_S:
                swept = monotonic()
                async for line in reaping.remove_orphans():
                    log(line)
            said = ""
        except (ChaosLabError, *API_FAILURES) as error:
            words = f"cannot clean up: {str(error) or type(error).__name__}"
            if words != said:  # once, not every few seconds
                log(words)
            said = words
        await asyncio.sleep(POLL_EVERY_S)
