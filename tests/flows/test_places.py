"""Places of limits: kept through the death of a real server, taken again when it forgot them, freed when stuck."""

import asyncio
import contextlib
import json
import os
import secrets
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from chaos.runs.cancellation import Stop
from flows.prefect.concurrency import global_limit, limit_of
from flows.prefect.labels import PLACE
from flows.prefect.limits import LimitInUse, free_stuck, limits, seen
from flows.prefect.places import LEASE_S, HeldPlace, take
from flows.server import api as server
from flows.server.local import speaking_to
from tests.flows.conftest import environment

SOON_S = 120.0


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[server.Api]:
    """One that may be killed: nobody else uses it."""
    with (
        environment(CHAOSLAB_STATE_DIR=str(tmp_path / "state")),
        temporary_settings(restore_defaults={PREFECT_API_URL}),
    ):
        api = server.ensure_api()
        try:
            yield api
        finally:
            server.down()


def killed_and_started_again(api: server.Api) -> None:
    """As by a power cut: nothing of it is told anything."""
    pid = server.status().pid
    assert pid is not None
    with contextlib.closing(os.fdopen(os.pidfd_open(pid))) as handle:
        os.killpg(pid, signal.SIGKILL)
        select.select([handle], [], [])
    assert server.ensure_api().url == api.url


def test_a_server_that_is_killed_and_started_again_leaves_no_place_taken(own_server: server.Api) -> None:
    whose = f"/srv/{secrets.token_hex(4)}"

    async def taken() -> int:
        async with get_client() as client:
            return (await client.read_global_concurrency_limit_by_name(limit_of(whose))).active_slots

    async def scene() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(SOON_S):
            async with global_limit({whose: 1}, pytest.fail, Stop()):
                # In a thread that has no settings of this one's, as whoever starts a server is told of none.
                await loop.run_in_executor(None, killed_and_started_again, own_server)
                during = await taken()
            async with global_limit({whose: 1}, pytest.fail, Stop()):
                pass  # at once: the place is free
            return during, await taken()

    with speaking_to(own_server.url):
        assert asyncio.run(scene()) == (1, 0)


class Server:
    """Prefect's limits, as its API answers; leases are forgotten when a test says so."""

    def __init__(self) -> None:
        self.most, self.taken, self.leases = 1, 0, set[str]()
        self.away = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/csrf-token":
            return httpx.Response(422, text="CSRF protection is disabled.")
        if self.away:
            raise httpx.ConnectError("nobody is there", request=request)
        body = json.loads(request.content or b"{}")
        match request.url.path.removeprefix("/api/v2/concurrency_limits/").split("/"):
            case ["leases", lease, "renew"]:
                return httpx.Response(204 if lease in self.leases else 410)
            case ["decrement"]:
                self.taken = max(0, self.taken - body["slots"])
                return httpx.Response(200, json=[])
            case ["decrement-with-lease"]:
                if body["lease_id"] in self.leases:
                    self.leases.remove(body["lease_id"])
                    self.taken -= 1
                return httpx.Response(204)
            case ["increment-with-lease"] if self.taken < self.most:
                self.taken += 1
                self.leases.add(lease := str(uuid4()))
                return httpx.Response(200, json={"lease_id": lease, "limits": []})
            case ["increment-with-lease"]:
                return httpx.Response(423, headers={"Retry-After": "1"})
            case [name]:
                shown = {"id": str(uuid4()), "name": name, "limit": self.most, "active_slots": self.taken}
                return httpx.Response(200, json=shown | {"active": True, "slot_decay_per_second": 0})
        raise AssertionError(request.url)


def with_place(scene: Callable[[Server, HeldPlace, list[float]], object]) -> Server:
    """The server after the scene; its place was taken at second 0 of the clock."""
    api, clock = Server(), [0.0]

    async def play() -> None:
        transport = httpx.MockTransport(api.answer)
        async with PrefectClient("http://127.0.0.1:1/api", httpx_settings={"transport": transport}) as client:
            lease = await take(client, "shop")
            assert lease is not None
            await scene(api, HeldPlace(client, "shop", lease, lambda: clock[0]), clock)  # type: ignore[misc]

    asyncio.run(play())
    return api


def test_a_place_that_the_server_forgot_is_given_back_and_taken_again() -> None:
    async def scene(api: Server, place: HeldPlace, clock: list[float]) -> None:
        api.leases.clear()  # started anew, with its leases in memory
        clock[0] = LEASE_S - 1
        assert await place.look() == "forgotten"
        assert (api.taken, len(api.leases)) == (1, 1)
        assert await place.look() == "kept"
        await place.leave()

    after = with_place(scene)
    assert (after.taken, after.leases) == (0, set())


def test_a_place_that_was_forgotten_just_before_the_end_is_given_back() -> None:
    async def scene(api: Server, place: HeldPlace, clock: list[float]) -> None:
        api.leases.clear()
        await place.leave()

    assert with_place(scene).taken == 0


def test_a_lease_that_may_have_run_out_gives_nobody_elses_place_away() -> None:
    async def scene(api: Server, place: HeldPlace, clock: list[float]) -> None:
        api.leases = {str(uuid4())}  # ours ran out while it was away; another has the only place now
        clock[0] = LEASE_S + 1
        assert await place.look() == "over"
        assert await place.look() == "over"
        await place.leave()

    assert with_place(scene).taken == 1


def test_an_api_that_is_away_costs_no_place() -> None:
    async def scene(api: Server, place: HeldPlace, clock: list[float]) -> None:
        api.away = True
        assert await place.look() == "away"
        api.away = False
        assert await place.look() == "kept"
        await place.leave()

    assert with_place(scene).taken == 0


def test_who_holds_a_place_is_known_by_label_and_deployment() -> None:
    counted = [
        {"name": "chaoslab-shop", "limit": 2, "active_slots": 2},
        {"name": "deployment:d1", "limit": 1, "active_slots": 1},
        {"name": "deployment:d2", "limit": 1, "active_slots": 1},
    ]
    runs = [
        {"name": "a", "deployment_id": "d1", "labels": {f"{PLACE}chaoslab-shop": "held"}},
        {"name": "b", "deployment_id": None, "labels": {}},
    ]
    assert seen(counted, runs) == [
        LimitInUse("chaoslab-shop", 2, 2, ("a",)),
        LimitInUse("deployment:d1", 1, 1, ("a",)),
        LimitInUse("deployment:d2", 1, 1, ()),
    ]
    assert str(seen(counted, runs)[0]) == "chaoslab-shop: 2 of 2 place(s) taken, by a; 1 stuck"


def test_stuck_places_are_found_and_freed(prefect_server: server.Api) -> None:
    name = f"chaoslab-stuck-{secrets.token_hex(4)}"

    async def scene() -> tuple[list[LimitInUse], list[LimitInUse]]:
        async with asyncio.timeout(SOON_S), get_client() as client:
            await client.upsert_global_concurrency_limit_by_name(name, 2)
            await client.increment_concurrency_slots(
                [name], 1, "concurrency"
            )  # and whoever did so is no more
            freed = await free_stuck(client, apart_s=0)
            return freed, await limits(client)

    freed, left = asyncio.run(scene())
    assert LimitInUse(name, 2, 1, ()) in freed
    assert name not in [each.name for each in left]


def test_a_lost_lease_of_a_deployment_ends_nothing() -> None:
    import prefect.flow_engine

    from flows.prefect import places

    assert prefect.flow_engine.amaintain_concurrency_lease is places.maintained

    async def scene() -> str:
        async with places.maintained(UUID(int=1), 0.01, raise_on_lease_renewal_failure=True):
            await asyncio.sleep(0.05)  # several renewals to nobody
            return "went on"

    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        assert asyncio.run(scene()) == "went on"
