"""Retries and interruption: attempts made once more where that may help, and work that a stop ends."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from chaos.errors import ChaosLabError, Interrupted
from chaos.runs.cancellation import Stop

T = TypeVar("T")


async def unless(stop: Stop, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; as soon as `stop` is set it is cancelled instead. Raises Interrupted."""
    task, asked = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, asked), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, asked):
            each.cancel()
        await asyncio.gather(task, asked, return_exceptions=True)
    if task.cancelled():
        raise Interrupted(f"{stop.why}, before anything was injected")
    return task.result()


async def with_retries(retries: int, attempt: Callable[[], Awaitable[T]], stop: Stop | None = None) -> T:
    """Try once and, while the error says that it may help, `retries` times more. Raises Interrupted."""
    for number in range(retries):
        try:
            return await attempt()
        except ChaosLabError as error:
            if not error.retryable:
                raise
        await pause_before(number + 1, stop or Stop())
    return await attempt()


async def pause_before(retry: int, stop: Stop) -> None:
    """The pause before an attempt is made once more: doubling, from 0.5 s. Raises Interrupted."""
    if retry > 0:
        await unless(stop, asyncio.sleep(0.5 * 2 ** (retry - 1)))
