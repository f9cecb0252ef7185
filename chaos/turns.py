"""Take turns: so many runs of a repository at once on this machine and no more, whoever begins them.

Each place is a file that is locked while it is taken. The kernel lets go of what a killed process held.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

from chaos.errors import ChaosLabError, Interrupted
from chaos.settings import Settings
from chaos.stop import Stop

_LOOK_AGAIN_S = 0.2


@asynccontextmanager
async def in_turn(at_once: Mapping[str, int], say: Callable[[str], None], stop: Stop) -> AsyncIterator[None]:
    """Wait for a place in each of these repositories, and keep them for as long as the block takes.

    Raises Interrupted when `stop` is set before, and ChaosLabError when this machine cannot keep count.
    """
    async with AsyncExitStack() as held:
        for whose, most in sorted(at_once.items()):  # in one order, so that no two wait for each other
            held.enter_context(await _place(whose, most, say, stop))
        yield


async def _place(whose: str, most: int, say: Callable[[str], None], stop: Stop) -> IO[str]:
    folder = Settings().state_folder / "turns" / hashlib.sha256(whose.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (place := _free(folder, most)) is not None:
            return place
        say(f"waiting: {most} run(s) of {whose} are under way, and its policy allows no more at once")
        while (place := _free(folder, most)) is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_AGAIN_S)
                raise Interrupted(f"{stop.why} while it waited for its turn")
    except OSError as error:
        raise ChaosLabError(f"{folder}: cannot count the runs under way: {error.strerror}") from error
    return place


def _free(folder: Path, most: int) -> IO[str] | None:
    """A place that nobody has, taken; None when there is none."""
    for number in range(most):
        place = (folder / str(number)).open("w")
        try:
            flock(place, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            place.close()
            continue
        return place
    return None
