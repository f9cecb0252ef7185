"""So many runs at once on all machines: counted by a real Prefect server, and not at all where there is none."""

import asyncio
import secrets

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from chaos.errors import Interrupted
from chaos.stop import Stop
from flows.server import Api
from flows.turns_everywhere import in_turn_everywhere, limit_of

SOON_S = 60.0


def test_one_run_more_than_allowed_waits_until_a_place_is_free_or_it_is_told_to_stop(
    prefect_server: Api,
) -> None:
    whose = f"https://forge.example/{secrets.token_hex(4)}.git"
    waits = asyncio.Event()

    def say(line: str) -> None:
        assert line.startswith("waiting: 1 run(s) of https://forge.example/")
        waits.set()

    async def go(stop: Stop) -> None:
        async with in_turn_everywhere({whose: 1}, say, stop):
            pass

    async def scene() -> None:
        async with asyncio.timeout(SOON_S):
            async with in_turn_everywhere({whose: 1}, pytest.fail, Stop()):
                stop = Stop()
                stopped = asyncio.create_task(go(stop))
                await waits.wait()
                stop.set("halted")
                with pytest.raises(Interrupted, match="halted, before anything was injected"):
                    await stopped
                waits.clear()
                patient = asyncio.create_task(go(Stop()))
                await waits.wait()
                assert not patient.done()
            await patient
            async with get_client() as client:
                limit = await client.read_global_concurrency_limit_by_name(limit_of(whose))
            assert (limit.limit, limit.active_slots) == (1, 0)

    asyncio.run(scene())


def test_an_api_that_is_away_limits_nothing() -> None:
    said: list[str] = []

    async def scene() -> None:
        async with in_turn_everywhere({"shop": 1}, said.append, Stop()):
            said.append("went on")

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        asyncio.run(scene())
    assert said[0].startswith("runs of shop on other machines are not counted: ")
    assert said[1:] == ["went on"]


def test_the_limit_has_a_name_that_prefect_takes() -> None:
    name = limit_of("https://forge.example/team/Shop%20<x>.git")
    assert name.startswith("chaoslab-https-forge-example-team-shop-20-x-git-")
    assert limit_of("/srv/a") != limit_of("/srv-a")
