"""What a worker's machine says of itself, and by whom its slots are taken."""

import asyncio
import json
import platform
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from flows.prefect import examinations
from flows.server.api import Api
from flows.worker import examining
from tests.flows.conftest import empty_pool
from tests.flows.console.served import Console
from tests.flows.patience import client as prefect

NAME = f"{platform.node()} 4711"


@pytest.fixture
def worker(prefect_server: Api, console: Console) -> Iterator[str]:
    """One that was just heard of."""
    with prefect(prefect_server.url) as api:
        api.post("/work_pools/chaoslab/workers/heartbeat", json={"name": NAME}).raise_for_status()
        yield NAME
        empty_pool(prefect_server)
        found = api.post("/work_pools/chaoslab/workers/filter", json={"limit": 200}).json()
        assert NAME in [each["name"] for each in found]
        api.delete(f"/work_pools/chaoslab/workers/{NAME}").raise_for_status()


def shown(console: Console) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in console.get("/workers")["items"] if each["name"] == NAME)
    return found


def test_it_says_what_its_machine_can_and_what_would_mend_it(console: Console, worker: str) -> None:
    asyncio.run(examining.examine(worker, 1))
    found = shown(console)
    assert (found["status"], found["machine"], found["slots"]) == ("online", platform.node(), 1)
    checks = {each["name"]: each for each in found["doctor"]}
    assert checks["GROQ_API_KEY"]["level"] in ("ok", "degraded")
    assert {"room", "grafana", "metrics"} <= checks.keys()


def test_whatever_stands_there_is_shown_inert(console: Console, worker: str) -> None:
    async def write(data: str) -> None:
        facts = {"worker": worker, "machine": platform.node(), "version": "\x1b[31m", "slots": "9" * 30}
        async with get_client() as client:
            await examinations.write(client, facts, [])
            body = {
                "key": examinations.key_of(platform.node()),
                "type": "table",
                "data": data,
                "metadata_": facts,
            }
            await client.request("POST", "/artifacts/", json=body)

    for data in ("{", "7", json.dumps([7, {"name": "a\u202eb", "more": {}}])):
        asyncio.run(write(data))
        found = shown(console)
        assert found["slots"] is None
        assert "\x1b" not in json.dumps(found, ensure_ascii=False)
    assert [each["name"] for each in found["doctor"]] == ["a\\u202eb"]


def test_a_run_says_by_whom_all_slots_are_taken(console: Console, worker: str, prefect_server: Api) -> None:
    async def told() -> None:
        facts = {"worker": worker, "machine": platform.node(), "version": "1", "slots": "1"}
        async with get_client() as client:
            await examinations.write(client, facts, [])

    asyncio.run(told())
    first, second = (
        console.post("/runs", {"ad_hoc": {"scenario": "disk_full", "hold": "5s"}})["id"] for _ in range(2)
    )
    with prefect(prefect_server.url) as api:
        running = {"state": {"type": "RUNNING"}, "force": True}
        api.post(f"/flow_runs/{first}/set_state", json=running).raise_for_status()
        name = api.get(f"/flow_runs/{first}").json()["name"]
        waits = console.get(f"/runs/{second}")["waiting_for"]
        api.delete(f"/flow_runs/{first}").raise_for_status()
    assert waits.startswith("a slot: all 1 are taken, by ")
    assert name in waits
