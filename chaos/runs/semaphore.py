"""File-based semaphore: a slot is a lock on a file, so that a dead holder's slot is free.

Runs of one repository, runs that share a Groq account, builds of one template: they queue here.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from chaos.host.private import state_folder

POLL_EVERY_S = 0.05


@asynccontextmanager
async def seat(folder: Path, seats: int, waits: Callable[[], None] = lambda: None) -> AsyncIterator[int]:
    """Wait for a free one of `seats`, and keep it for the block; `waits` is told once when there is none.

    Raises OSError when the folder cannot be used.
    """
    state_folder(folder)
    told = False
    while True:
        for number in range(seats):
            with _tried(folder / f"seat-{number}") as taken:
                if taken:
                    yield number
                    return
        if not told:
            waits()
        told = True
        await asyncio.sleep(POLL_EVERY_S)  # flock has no way to wait that can be given up


@contextmanager
def _tried(path: Path) -> Iterator[bool]:
    """Whether the lock on a file is ours for the block."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)
