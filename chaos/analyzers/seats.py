"""So many at a time on this machine, whoever they are: a seat is a lock on a file, and a dead holder's seat is free.

Several runs share one Groq account and its limits per minute; they queue here and not at Groq.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

LOOK_EVERY_S = 0.05


@asynccontextmanager
async def seat(folder: Path, seats: int) -> AsyncIterator[int]:
    """Wait for a free one of `seats`, and keep it for the block. Raises OSError when the folder cannot be used."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        for number in range(seats):
            with _tried(folder / f"seat-{number}") as taken:
                if taken:
                    yield number
                    return
        await asyncio.sleep(LOOK_EVERY_S)  # flock has no way to wait that can be given up


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
