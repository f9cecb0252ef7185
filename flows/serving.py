"""A worker of our work pool in this process: it looks every second, and starts each run in a process of its own."""

import asyncio
import os
from asyncio import to_thread
from collections.abc import Callable

from prefect.settings import PREFECT_API_URL, PREFECT_WORKER_QUERY_SECONDS, temporary_settings
from prefect.workers.process import ProcessWorker

from flows.server import ensure_api
from flows.standing import POOL


async def serve_until_stopped(limit: int, say: Callable[[str], None]) -> None:
    """Carry out runs of the pool `chaoslab` until cancelled, `limit` at once. Raises ServerError."""
    api = await to_thread(ensure_api, say)
    os.environ["PREFECT_API_URL"] = api.url  # for the processes of the runs
    with temporary_settings({PREFECT_API_URL: api.url, PREFECT_WORKER_QUERY_SECONDS: 1.0}):
        worker = ProcessWorker(work_pool_name=POOL, limit=limit, prefetch_seconds=1)
        say(f"carrying out runs of {api.ui_url}, {limit} at once; Ctrl-C ends it")
        try:
            await worker.start(printer=lambda *words: None)
        except asyncio.CancelledError:
            say("stopped")
            raise
