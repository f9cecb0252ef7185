"""A worker of our work pool in this process: it looks every second, and starts each run in a process of its own.

Beside it, what stands at the API is put there, and what died on this machine is cleaned up.
"""

import asyncio
import os
from asyncio import to_thread
from collections.abc import Callable
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_WORKER_QUERY_SECONDS, temporary_settings
from prefect.workers.process import ProcessWorker

from flows import heartbeats, standing
from flows.reaper import reaping_beside
from flows.server import ensure_api


async def serve_until_stopped(limit: int, out: Path, say: Callable[[str], None]) -> None:
    """Carry out runs of the pool `chaoslab` until cancelled, `limit` at once. Raises ServerError.

    `out` is where runs write that a person starts from the ad-hoc form.
    """
    api = await to_thread(ensure_api, say)
    os.environ["PREFECT_API_URL"] = api.url  # for the processes of the runs
    with temporary_settings({PREFECT_API_URL: api.url, PREFECT_WORKER_QUERY_SECONDS: 1.0}):
        async with get_client() as client:
            await standing.pool(client)
            await standing.ad_hoc_deployment(client, out, insist=True)
            await heartbeats.heeded(client)
        worker = ProcessWorker(work_pool_name=standing.POOL, limit=limit, prefetch_seconds=1)
        say(f"carrying out runs of {api.ui_url}, {limit} at once; Ctrl-C ends it")
        try:
            async with reaping_beside(say):
                await worker.start(printer=lambda *words: None)
        except asyncio.CancelledError:
            say("stopped")
            raise
