"""Take turns: so many runs of a repository at once on this machine and no more, whoever begins them."""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from chaos.errors import ChaosLabError
from chaos.runner.retries import unless
from chaos.runs.cancellation import Stop
from chaos.runs.semaphore import seat
from chaos.settings import Settings


@asynccontextmanager
async def in_turn(at_once: Mapping[str, int], say: Callable[[str], None], stop: Stop) -> AsyncIterator[None]:
    """Wait for a place in each of these repositories, and keep them for as long as the block takes.

    Raises Interrupted when `stop` is set before, and ChaosLabError when this machine cannot keep count.
    """
    async with AsyncExitStack() as held:
        for whose, most in sorted(at_once.items()):  # in one order, so that no two wait for each other
            folder = Settings().state_folder / "turns" / hashlib.sha256(whose.encode()).hexdigest()[:16]
            waiting = (
                f"waiting: {most} run(s) of {whose} are under way, and its policy allows no more at once"
            )
            try:
                await unless(stop, held.enter_async_context(seat(folder, most, partial(say, waiting))))
            except OSError as error:
                raise ChaosLabError(f"{folder}: cannot count the runs under way: {error.strerror}") from error
        yield
