"""Server of our work pool in this process: polls every second, and starts each run in its own process.

Beside it, what stands at the API is put there, and what died on this machine is cleaned up.
"""

import asyncio
import os
import platform
from asyncio import to_thread
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_WORKER_QUERY_SECONDS, temporary_settings

from chaos.runs.active import DAYS, active_ids, end_below
from flows.server.api import ensure_api
from flows.server.local import speaking_to, told_to_children
from flows.worker import heartbeats
from flows.worker import infrastructure as standing
from flows.worker.cleanup import periodic_cleanup
from flows.worker.examining import examined
from flows.worker.worker import OurWorker

ENDS_WITHIN_S = 30.0
"""For runs to undo their faults and to write their results, when the worker is stopped."""
ABANDONED_WITHIN_S = 15.0
"""For runs to destroy their sandboxes."""


async def serve_until_stopped(limit: int, out: Path, log: Callable[[str], None]) -> None:
    """Carry out runs of the pool `chaoslab` until cancelled, `limit` at once. Raises ServerError.

    `out` is where runs write that a person starts from the ad-hoc form.
    """
    api = await to_thread(ensure_api, log)
    told_to_children(api.url)  # the processes of the runs
    os.environ["PYTHONSAFEPATH"] = (
        "1"  # which are started by `python -m`: nothing is imported from where they stand
    )
    with speaking_to(api.url), temporary_settings({PREFECT_WORKER_QUERY_SECONDS: 1.0}):
        async with get_client() as client:
            await standing.pool(client)
            await standing.ad_hoc_deployment(client, out, insist=True)
            await heartbeats.heeded(client)
        name = f"{platform.node()} {os.getpid()}"
        worker = OurWorker(log=log, name=name, work_pool_name=standing.POOL, limit=limit, prefetch_seconds=1)
        log(f"carrying out runs of {api.ui_url}, {limit} at once; Ctrl-C ends it")
        async with periodic_cleanup(log), examined(name, limit, log):
            working = asyncio.ensure_future(worker.start(printer=lambda *words: None))
            try:
                await asyncio.shield(working)
            except asyncio.CancelledError:
                await _end_runs(log)  # while the worker is there: without it, nobody hears of their ends
                log("stopped")
                raise
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)


async def _end_runs(log: Callable[[str], None]) -> None:
    """Runs die with their worker: they are to undo their faults and to say how they ended before."""
    if not (asked := end_below(os.getpid())):
        return
    log(f"ending {', '.join(asked)}; once more to abandon it")
    try:
        asked = await _ended(asked, ENDS_WITHIN_S)
    except asyncio.CancelledError:
        log("abandoned: their sandboxes are destroyed; once more to end at once")
        end_below(os.getpid())  # the second time it does not ask
        asked = await _ended(asked, ABANDONED_WITHIN_S)
    if asked:
        log(f"still under way: {', '.join(asked)}")


async def _ended(asked: list[str], within_s: float) -> list[str]:
    """Those of these runs and days that have not ended in time."""
    until = monotonic() + within_s
    while asked and monotonic() < until:
        await asyncio.sleep(0.1)
        under_way = {*active_ids(), *active_ids(DAYS)}
        asked = [run for run in asked if run in under_way]
    return asked
