"""One reconciliation of a repository at a time: a hook, a webhook and an interval may all begin one at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

_LOOK_AGAIN_S = 0.1


@asynccontextmanager
async def turn(file: Path) -> AsyncIterator[None]:
    """Wait until no other process of this machine holds `file`, and hold it; the kernel lets go of what dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        while not _taken(lock):
            await asyncio.sleep(_LOOK_AGAIN_S)  # A thread that waits for the kernel could not be cancelled.
        yield


def _taken(lock: IO[str]) -> bool:
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True
