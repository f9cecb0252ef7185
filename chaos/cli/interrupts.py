"""Signals that ask a command to end: the first one asks, the second hurries, the third ends the process at once.

For SIGINT, SIGTERM and SIGHUP alike. From the second on they have their default action again, which is the kernel's own
and needs nothing of this process: no event loop, no thread that comes to an end, no Python.
"""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any, TypeVar

from chaos.errors import Interrupted

T = TypeVar("T")
HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def let_the_next_one_kill() -> None:
    """Give those signals their default action back; those that are ignored (nohup) stay so."""
    for number in HEEDED:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def heeding(asked: Callable[[int, int], None]) -> Iterator[None]:
    """Call `asked(how often, signal)` in this event loop at the first signal and the second, while the block lasts.

    Only in the main thread; elsewhere nobody may handle signals, and nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in HEEDED}
    before = {number: old for number, old in before.items() if old != signal.SIG_IGN}
    heard = 0

    def hear(number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        heard += 1
        if heard >= 2:
            let_the_next_one_kill()
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            loop.call_soon_threadsafe(asked, heard, number)

    for number in before:
        loop.add_signal_handler(number, lambda: None)  # it wakes the loop, whichever thread the signal meets
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, old in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, old if heard < 2 else signal.SIG_DFL)


def run_until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, cancelled by the first signal and again by the second. Raises Interrupted when it ends so."""
    by: list[int] = []

    async def scene() -> T:
        task = asyncio.ensure_future(work)

        def asked(_count: int, number: int) -> None:
            by.append(number)
            task.cancel()

        with heeding(asked):
            return await task

    try:
        return asyncio.run(scene())
    except asyncio.CancelledError:
        raise Ended(by[0] if by else signal.SIGINT) from None


class Ended(Interrupted):
    """A command was told to end by a signal, and has."""

    def __init__(self, number: int) -> None:
        super().__init__("interrupted")
        self.number = number
