"""The forge's webhook on the console: only its signature opens it, and a push has its repository brought in line."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from flows.console.limits import UPLOADS, Buckets
from flows.gitops.schedule import schedule
from flows.server.api import Api
from tests.flows.conftest import environment
from tests.flows.console.served import Console, served
from tests.flows.patience import client as prefect

SECRET = "no-secret-of-any-forge"
REPOSITORY = "https://forge.example/payments/shop-of-pushes.git"
WITHIN_S = 60.0


@pytest.fixture(scope="module")
def console(prefect_server: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    async def follow() -> None:
        async with get_client() as client:
            await schedule(client, "pushes", 3600.0, {"repositories": [REPOSITORY]})

    asyncio.run(follow())
    with (
        environment(CHAOSLAB_WEBHOOK_SECRET=SECRET),
        served(tmp_path_factory.mktemp("pushes") / "runs") as console,
    ):
        yield console


def push(console: Console, body: bytes, **headers: str) -> int:
    said = {"content-type": "application/json", "x-github-event": "push", **headers}
    return console.client.post("/webhook", content=body, headers=said).status_code


def signed(body: bytes) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"}


def pushed(to: str, branch: str = "main") -> bytes:
    return json.dumps({"ref": f"refs/heads/{branch}", "repository": {"clone_url": to}}).encode()


def started(api: Api) -> list[dict[str, Any]]:
    wanted = {"flows": {"name": {"any_": ["reconcile"]}}, "limit": 200}
    with prefect(api.url) as asking:
        found = asking.post("/flow_runs/filter", json=wanted).raise_for_status().json()
    return [each for each in found if (each.get("labels") or {}).get("chaoslab.by") == "push"]


def test_a_push_starts_one_run_of_its_follower(console: Console, prefect_server: Api) -> None:
    body = pushed(REPOSITORY)
    assert push(console, body, **signed(body)) == 202
    assert push(console, body, **signed(body)) == 202  # sent again
    until = time.monotonic() + WITHIN_S
    while not (found := started(prefect_server)):
        assert time.monotonic() < until
        time.sleep(0.1)
    (run,) = found
    assert run["parameters"]["repositories"] == [f"{REPOSITORY}#main:experiments"]
    with prefect(prefect_server.url) as api:
        api.delete(f"/flow_runs/{run['id']}").raise_for_status()


def test_nothing_else_leads_to_anything(console: Console, prefect_server: Api) -> None:
    body, other = pushed(REPOSITORY, "main "), pushed("https://forge.example/of/nobody.git")
    assert push(console, body) == 401
    assert push(console, body, **{"x-hub-signature-256": "sha256=" + "0" * 64}) == 401
    assert push(console, other, **signed(other)) == 404
    assert push(console, body, **signed(body)) == 200  # a branch that nobody follows
    plain = pushed(REPOSITORY, "plain")  # what was heard before is answered as then, whatever it is sent as
    assert push(console, plain, **signed(plain), **{"content-type": "text/plain"}) == 415
    assert push(console, b"x" * (4 * 2**20 + 1), **signed(body)) == 413
    for header in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        assert push(console, body, **signed(body), **header) in (403, 421)
    assert console.client.get("/webhook").text == "listening\n"
    assert started(prefect_server) == []


def test_what_a_worker_delivers_in_a_second_is_bounded() -> None:
    now = [0.0]
    bytes_ = Buckets(UPLOADS, lambda: now[0])
    assert [bytes_.take("build-2", 16e6) for _ in range(3)] == [None, None, 1]
    assert bytes_.take("build-3", 16e6) is None
    now[0] += 1.0
    assert bytes_.take("build-2", 16e6) is None
    assert bytes_.take("build-2", 1e9) == 2, "what is larger than all has to wait for a full one"
