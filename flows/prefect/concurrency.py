"""Global concurrency limit: how many runs of a repository on all machines of one Prefect, held by a lease.

`chaos.runner.concurrency` counts those of this machine, which needs no server; this one counts beside it. An API that
is away or refuses limits nothing, as it ends nothing. A lease that nobody renews, because its run was killed, runs out.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency

from chaos.errors import Interrupted
from chaos.runs.cancellation import Stop
from flows.prefect.progress import API_FAILURES

LEASE_S = 60.0
"""The shortest that Prefect gives; it renews leases by itself."""
_LOOK_AGAIN_S = 1.0
_LOCKED = 423

Log = Callable[[str], None]


@asynccontextmanager
async def global_limit(at_once: Mapping[str, int], log: Log, stop: Stop) -> AsyncIterator[None]:
    """Wait until so few runs of each repository go on that this one may, and count while the block takes.

    Raises Interrupted when `stop` is set before.
    """
    async with AsyncExitStack() as held:
        for whose, most in sorted(at_once.items()):
            try:
                await _count(held, whose, most, log, stop)
            except (ConcurrencySlotAcquisitionError, *API_FAILURES) as error:
                log(f"runs of {whose} on other machines are not counted: {error}")
        yield


def limit_of(whose: str) -> str:
    """The name of its limit in Prefect, where people may look how many go on."""
    name = re.sub(r"[^a-z0-9]+", "-", whose.lower()).strip("-")[-40:]
    return f"chaoslab-{name}-{hashlib.sha256(whose.encode()).hexdigest()[:8]}"


async def _count(held: AsyncExitStack, whose: str, most: int, log: Log, stop: Stop) -> None:
    name = limit_of(whose)
    waiting = (
        f"waiting: {most} run(s) of {whose} are under way on all machines, and its policy allows no more"
    )
    async with get_client() as client:
        await client.upsert_global_concurrency_limit_by_name(name, most)
        while (slot := await _slot(client, name)) is None:
            if waiting:
                log(waiting)
            waiting = ""
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_AGAIN_S)
                raise Interrupted(f"{stop.why}, before anything was injected")
    held.push_async_callback(_leave, slot, log)


async def _slot(client: PrefectClient, name: str) -> AbstractAsyncContextManager[None] | None:
    """A place, entered; None when there is none now. Raises what Prefect's client raises."""
    limit = await client.read_global_concurrency_limit_by_name(name)
    if limit.active_slots >= limit.limit:
        return None  # to try in vain is an error in Prefect's log, each time
    slot = concurrency(name, max_retries=0, lease_duration=LEASE_S, raise_on_lease_renewal_failure=False)
    try:
        await slot.__aenter__()
    except ConcurrencySlotAcquisitionError as error:
        cause = error.__cause__
        if isinstance(cause, httpx.HTTPStatusError) and cause.response.status_code == _LOCKED:
            return None  # another was quicker
        raise
    return slot


async def _leave(slot: AbstractAsyncContextManager[None], log: Log) -> None:
    try:
        await slot.__aexit__(None, None, None)
    except API_FAILURES as error:
        log(f"its place among the runs of all machines is free only when its lease runs out: {error}")
