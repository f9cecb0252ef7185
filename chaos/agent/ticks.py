"""Wake at one moment after another, and at once when it is all over.

The obvious `async with asyncio.timeout_at(moment): await until.wait()` costs a third more: it cancels and raises
for every tick. Here one task watches `until` for all of them.
"""

import asyncio
from types import TracebackType


class Ticks:
    """`async with Ticks(until) as ticks: while await ticks.reach(moment): …`"""

    def __init__(self, until: asyncio.Event) -> None:
        self._until = until
        self._loop = asyncio.get_running_loop()
        self._sleeping: asyncio.Future[None] = self._loop.create_future()

    async def __aenter__(self) -> "Ticks":
        self._watching = self._loop.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)

    async def reach(self, moment: float) -> bool:
        """Sleep until `moment` of the loop's time; False, at once, when `until` is set before it."""
        if self._until.is_set():
            return False
        self._sleeping = self._loop.create_future()
        timer = self._loop.call_at(moment, self._wake)
        try:
            await self._sleeping
        finally:
            timer.cancel()
        return not self._until.is_set()

    async def _watch(self) -> None:
        await self._until.wait()
        self._wake()

    def _wake(self) -> None:
        if not self._sleeping.done():
            self._sleeping.set_result(None)
