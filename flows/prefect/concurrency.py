"""Global concurrency limit: how many runs of a repository on all machines of one Prefect, held by a lease.

`chaos.runner.concurrency` counts those of this machine, which needs no server; this one counts beside it. An API that
is away or refuses limits nothing, as it ends nothing. A lease that nobody renews, because its run was killed, runs out.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.runtime import flow_run

from chaos.errors import Interrupted
from chaos.runs.cancellation import Stop
from flows.prefect.labels import PLACE
from flows.prefect.places import HeldPlace, take
from flows.prefect.progress import API_FAILURES

LIMIT = "chaoslab-"
"""How the name of every limit of ours begins."""
_LOOK_AGAIN_S = 1.0

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
            except API_FAILURES as error:
                log(f"runs of {whose} on other machines are not counted: {error}")
        yield


def limit_of(whose: str) -> str:
    """The name of its limit in Prefect, where people may look how many go on."""
    name = re.sub(r"[^a-z0-9]+", "-", whose.lower()).strip("-")[-40:]
    return f"{LIMIT}{name}-{hashlib.sha256(whose.encode()).hexdigest()[:8]}"


async def _count(held: AsyncExitStack, whose: str, most: int, log: Log, stop: Stop) -> None:
    name = limit_of(whose)
    waiting = (
        f"waiting: {most} run(s) of {whose} are under way on all machines, and its policy allows no more"
    )
    client = await held.enter_async_context(get_client())
    await client.upsert_global_concurrency_limit_by_name(name, most)
    while (lease := await take(client, name, flow_run.id)) is None:
        if waiting:
            log(waiting)
        waiting = ""
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_AGAIN_S)
            raise Interrupted(f"{stop.why}, before anything was injected")
    place = HeldPlace(client, name, lease)
    held.push_async_callback(_leave, place, asyncio.create_task(place.keep()), log)
    await _say_so(client, name)


async def _say_so(client: PrefectClient, name: str) -> None:
    """On the flow run, by which others see who holds the place; it is held, said or not."""
    if flow_run.id is not None:
        with suppress(*API_FAILURES):
            await client.update_flow_run_labels(UUID(flow_run.id), {f"{PLACE}{name}": "held"})


async def _leave(place: HeldPlace, keeping: "asyncio.Task[None]", log: Log) -> None:
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    try:
        await place.leave()
    except (TimeoutError, *API_FAILURES) as error:
        log(f"its place among the runs of all machines is free only when its lease runs out: {error!r}")
