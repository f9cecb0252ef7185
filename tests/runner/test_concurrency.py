"""So many runs at once: one more waits, goes on when one ends or is killed, and can be told not to wait."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from chaos.errors import ChaosLabError, Interrupted
from chaos.runner.concurrency import in_turn
from chaos.runs.cancellation import Stop

SOON_S = 30.0
HOLD = """
import asyncio, sys
from chaos.runs.cancellation import Stop
from chaos.runner.concurrency import in_turn
async def hold():
    async with in_turn({"shop": 1}, print, Stop()):
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(hold())
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own."""
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path))
    return tmp_path


class Waiter:
    """A run that wants its turn."""

    def __init__(self, shop: int, **others: int) -> None:
        self.at_once = {"shop": shop, **others}
        self.said: list[str] = []
        self.stop = Stop()
        self.waits = asyncio.Event()

    def _say(self, line: str) -> None:
        self.said.append(line)
        self.waits.set()

    async def go(self) -> None:
        async with in_turn(self.at_once, self._say, self.stop):
            pass


def test_as_many_as_there_are_places_go_at_once_and_the_next_waits() -> None:
    async def scene() -> list[str]:
        waiter = Waiter(2)
        async with asyncio.timeout(SOON_S), AsyncExitStack() as second:
            async with in_turn({"shop": 2}, print, Stop()):
                await second.enter_async_context(in_turn({"shop": 2}, print, Stop()))
                going = asyncio.create_task(waiter.go())
                await waiter.waits.wait()
                assert not going.done()
            await going
        return waiter.said

    assert asyncio.run(scene()) == [
        "waiting: 2 run(s) of shop are under way, and its policy allows no more at once"
    ]


def test_repositories_do_not_wait_for_each_other_nor_those_without_a_limit() -> None:
    async def scene() -> None:
        shop, bank, free = (in_turn(limit, print, Stop()) for limit in ({"shop": 1}, {"bank": 1}, {}))
        async with asyncio.timeout(SOON_S), shop, bank, free:
            pass

    asyncio.run(scene())


def test_the_place_of_a_killed_run_is_free_at_once(state: Path) -> None:
    environment = {**os.environ, "CHAOSLAB_STATE_DIR": str(state)}
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:

        async def scene() -> None:
            waiter = Waiter(1)
            going = asyncio.create_task(waiter.go())
            async with asyncio.timeout(SOON_S):
                await waiter.waits.wait()
                holder.send_signal(signal.SIGKILL)
                await going

        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            asyncio.run(scene())
        finally:
            holder.kill()


def test_who_is_told_to_stop_waits_no_longer_and_leaves_its_other_places() -> None:
    async def scene() -> None:
        waiter = Waiter(1, bank=1)
        async with asyncio.timeout(SOON_S):
            async with in_turn({"shop": 1}, print, Stop()):
                going = asyncio.create_task(waiter.go())
                await waiter.waits.wait()
                waiter.stop.set("halted")
                with pytest.raises(Interrupted, match="halted, before anything was injected"):
                    await going
            async with in_turn({"bank": 1, "shop": 1}, print, Stop()):
                pass

    asyncio.run(scene())


def test_a_machine_that_cannot_keep_count_lets_nobody_go(state: Path) -> None:
    (state / "turns").write_text("in the way")
    with pytest.raises(ChaosLabError, match="cannot count the runs under way"):
        asyncio.run(Waiter(1).go())
