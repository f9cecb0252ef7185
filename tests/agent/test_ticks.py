"""Exact moments: never early, hardly late, and no moment longer than wanted."""

import asyncio

import pytest

from chaos.agent.loop import exact_loop
from chaos.agent.ticks import Ticks
from chaos.agent.windows import nearest_rank


async def lateness_s(count: int, every_s: float) -> list[float]:
    loop = asyncio.get_running_loop()
    began, late = loop.time(), []
    async with Ticks(asyncio.Event()) as ticks:
        for k in range(1, count + 1):
            assert await ticks.reach(began + k * every_s)
            late.append(loop.time() - (began + k * every_s))
    return late


def test_ticks_are_never_early_and_less_late_than_with_asyncio_alone() -> None:
    # asyncio rounds waits up to whole milliseconds. Compared on the same machine in the same second.
    with asyncio.Runner(loop_factory=exact_loop) as exact, asyncio.Runner() as plain:
        ours, theirs = (runner.run(lateness_s(200, 0.0035)) for runner in (exact, plain))
    assert min(ours) > -1e-5  # the loop calls what is due within its clock's resolution
    assert nearest_rank(ours, 0.5) < nearest_rank(theirs, 0.5)


def test_the_end_wakes_at_once() -> None:
    async def work() -> float:
        loop, until = asyncio.get_running_loop(), asyncio.Event()
        loop.call_later(0.05, until.set)
        began = loop.time()
        async with Ticks(until) as ticks:
            assert not await ticks.reach(began + 60)
            assert not await ticks.reach(began)
        return loop.time() - began

    with asyncio.Runner(loop_factory=exact_loop) as runner:
        assert runner.run(work()) == pytest.approx(0.05, abs=1.0)  # 60 s was what it had to wait for


def test_moments_gone_by_are_reached_at_once() -> None:
    async def work() -> list[bool]:
        async with Ticks(asyncio.Event()) as ticks:
            return [await ticks.reach(0.0) for _ in range(3)]

    with asyncio.Runner(loop_factory=exact_loop) as runner:
        assert runner.run(work()) == [True, True, True]
