"""What ends a run from outside: an agent that says nothing, a time to live that is over."""

import asyncio
import time
from pathlib import Path

import pytest

from chaos.agent.lease import until_told
from chaos.errors import SandboxLost
from chaos.events import Event
from chaos.runner import deadlines
from chaos.runner.deadlines import ALIVE, Vigil, within_ttl
from chaos.runs.directory import Run
from chaos.sandboxes.local.provider import LocalSandbox
from tests.sandboxes.box import local_box


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("SILENT_S", 0.4), ("FIRST_WORD_WITHIN_S", 0.6), ("_DOUBT_AFTER_S", 0.1)):
        monkeypatch.setattr(deadlines, name, seconds)
    monkeypatch.setattr(deadlines, "_LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(deadlines, "TTL_GRACE_S", 0.2)


async def listen(vigil: Vigil, seconds: float) -> float:
    """For so long, to nothing; how long it took. Raises SandboxLost."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        await vigil.listen(heard=False)
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def test_who_only_waits_says_so_and_who_is_silent_is_lost() -> None:
    async def beat(box: LocalSandbox) -> None:
        for number in range(1000):
            await box.put(ALIVE, str(number).encode())
            await asyncio.sleep(0.1)

    async def scene() -> None:
        async with local_box() as box:
            beating = asyncio.create_task(beat(box))
            vigil = Vigil(box)
            assert await listen(vigil, 1.5) >= 1.5
            beating.cancel()
            began = time.monotonic()
            with pytest.raises(SandboxLost, match=r"wrote nothing for . s: it was stopped, or is stuck"):
                await listen(vigil, 5)
            assert time.monotonic() - began < 3

    asyncio.run(scene())


def test_one_that_never_begins_is_lost_and_facts_are_signs_of_life() -> None:
    async def scene() -> None:
        async with local_box() as box:
            vigil = Vigil(box)
            began = time.monotonic()
            with pytest.raises(SandboxLost):
                await listen(vigil, 5)
            assert time.monotonic() - began > 0.6
            vigil = Vigil(box)
            for _ in range(12):
                await vigil.listen(heard=True)
                await asyncio.sleep(0.1)

    asyncio.run(scene())


def test_the_agent_says_that_it_is_there(tmp_path: Path) -> None:
    async def scene() -> set[str]:
        listening = asyncio.create_task(until_told(tmp_path, 60.0))
        said = set()
        while len(said) < 2:
            await asyncio.sleep(0.05)
            if (tmp_path / "alive").exists():
                said.add((tmp_path / "alive").read_text())
        listening.cancel()
        return said

    assert len(asyncio.run(asyncio.wait_for(scene(), 10))) == 2


def run_with(tmp_path: Path, ttl_s: float, opened_ago_s: float) -> Run:
    run = Run("r", tmp_path)
    now = time.time()
    run.journal.append(Event("run.started", now, {"plan": {"sandbox": {"ttl": ttl_s}}}, "host"))
    run.journal.append(Event("sandbox.opened", now - opened_ago_s, {"ref": {}}, "host"))
    return run


@pytest.mark.parametrize(("ttl_s", "ago_s"), [(0.3, 0.0), (60.0, 59.8), (60.0, 600.0)])
def test_a_time_to_live_that_is_over_cuts_everything_off(tmp_path: Path, ttl_s: float, ago_s: float) -> None:
    async def scene() -> None:
        async with within_ttl(run_with(tmp_path, ttl_s, ago_s)):
            await asyncio.sleep(30)

    began = time.monotonic()
    with pytest.raises(SandboxLost, match=f"time to live of {ttl_s:g} s was over"):
        asyncio.run(scene())
    assert time.monotonic() - began < 3


def test_whose_end_is_its_time_to_live_is_told_so(tmp_path: Path) -> None:
    async def scene(ago_s: float) -> None:
        async with within_ttl(run_with(tmp_path, 60.0, ago_s)):
            raise SandboxLost("it has gone")

    with pytest.raises(SandboxLost, match=r"time to live of 60 s was over before the run was: it has gone"):
        asyncio.run(scene(60.1))
    with pytest.raises(SandboxLost, match=r"^it has gone$"):
        asyncio.run(scene(1.0))


def test_other_limits_of_time_are_not_taken_for_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with within_ttl(run_with(tmp_path, 60.0, 0.0)):
            raise TimeoutError("another")

    with pytest.raises(TimeoutError, match="another"):
        asyncio.run(scene())
