"""An event loop whose timers are exact to about 0.1 ms, where asyncio's own are to about 1 ms.

epoll_wait counts whole milliseconds and asyncio rounds up, so every send of an open loop would be half a
millisecond late on average. select() counts microseconds, and an epoll descriptor is itself selectable: wait
there, then collect from epoll without waiting.
"""

import asyncio
import select
import selectors

# select() cannot look at descriptors from 1024 on; the loop's own is made first and is small.
_SELECTABLE = 1024


class _ExactSelector(selectors.EpollSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0 and self.fileno() < _SELECTABLE:
            ready, _, _ = select.select([self], [], [], timeout)
            if not ready:
                return []
            timeout = 0
        return super().select(timeout)


def exact_loop() -> asyncio.AbstractEventLoop:
    """A new loop, for `asyncio.Runner(loop_factory=exact_loop)`."""
    return asyncio.SelectorEventLoop(_ExactSelector())
