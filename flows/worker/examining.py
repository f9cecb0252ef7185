"""`chaoslab doctor` of a worker's machine, told to Prefect soon after its start and every hour."""

import asyncio
import json
import platform
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from prefect.client.orchestration import get_client

from chaos import __version__
from flows.prefect import examinations
from flows.prefect.progress import API_FAILURES

FIRST_AFTER_S = 15.0
"""Runs that wait already go first; to look costs some seconds of a core."""
EVERY_S = 3600.0
_WITHIN_S = 300.0
_DOCTOR = (sys.executable, "-P", "-m", "flows.main", "doctor", "--json")


@asynccontextmanager
async def examined(worker: str, slots: int, log: Callable[[str], None]) -> AsyncIterator[None]:
    """Look now and again while the block lasts."""
    task = asyncio.create_task(_again_and_again(worker, slots, log))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _again_and_again(worker: str, slots: int, log: Callable[[str], None]) -> None:
    pause_s = FIRST_AFTER_S
    while True:
        await asyncio.sleep(pause_s)
        pause_s = EVERY_S
        try:
            await examine(worker, slots)
        except (*API_FAILURES, OSError, ValueError, TimeoutError) as error:
            log(f"what this machine can do is not told: {error!r}")


async def examine(worker: str, slots: int) -> None:
    """Once. Raises OSError, ValueError, TimeoutError, and what Prefect's client raises."""
    found = json.loads(await _doctor())
    machine = platform.node()
    facts = {"worker": worker, "machine": machine, "version": __version__, "slots": str(slots)}
    async with get_client() as client:
        await examinations.write(client, facts, _plain(found))


def _plain(found: Any) -> list[dict[str, str]]:
    return [{key: str(value) for key, value in each.items()} for each in found]


async def _doctor() -> bytes:
    """What it prints, in a process of its own: it opens sandboxes."""
    process = await asyncio.create_subprocess_exec(
        *_DOCTOR,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_WITHIN_S):
            out, _ = await process.communicate()
            return out
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
