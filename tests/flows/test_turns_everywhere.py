"""So many runs at once on all machines: counted by a real Prefect server, and not at all where there is none."""

import asyncio
import secrets
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelling

from chaos.errors import Interrupted
from chaos.runner.concurrency import in_turn
from chaos.runner.observer import RunObserver
from chaos.runs.cancellation import Stop
from flows.experiment.flow import experiment
from flows.prefect.concurrency import global_limit, limit_of
from flows.prefect.handover import Handover, handed_over
from flows.server.api import Api
from tests.flows.manifests import killed

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
        async with global_limit({whose: 1}, say, stop):
            pass

    async def scene() -> None:
        async with asyncio.timeout(SOON_S):
            async with global_limit({whose: 1}, pytest.fail, Stop()):
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


def test_a_run_that_is_cancelled_while_it_waits_ends_as_cancelled(
    prefect_server: Api, tmp_path: Path
) -> None:
    manifest = killed(tmp_path)
    (tmp_path / "chaoslab.yaml").write_text(
        "apiVersion: chaoslab/v1\nkind: Policy\nspec: {maxConcurrentRuns: 1}\n"
    )

    async def scene() -> State[Any]:
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        observer = RunObserver(log=lambda line: waiting.set_result(str(flow_run.id)))
        async with asyncio.timeout(SOON_S), in_turn({str(tmp_path): 1}, pytest.fail, Stop()):
            with handed_over(Handover(observer=observer)):
                going = asyncio.create_task(
                    experiment(str(manifest), out=str(tmp_path / "runs"), return_state=True)
                )
            async with get_client() as client:
                await client.set_flow_run_state(UUID(await waiting), Cancelling(), force=True)
            return await going

    state = asyncio.run(scene())
    assert state.is_cancelled(), state
    assert not (tmp_path / "runs").exists()


def test_an_api_that_is_away_limits_nothing() -> None:
    said: list[str] = []

    async def scene() -> None:
        async with global_limit({"shop": 1}, said.append, Stop()):
            said.append("went on")

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        asyncio.run(scene())
    assert said[0].startswith("runs of shop on other machines are not counted: ")
    assert said[1:] == ["went on"]


def test_the_limit_has_a_name_that_prefect_takes() -> None:
    name = limit_of("https://forge.example/team/Shop%20<x>.git")
    assert name.startswith("chaoslab-https-forge-example-team-shop-20-x-git-")
    assert limit_of("/srv/a") != limit_of("/srv-a")
