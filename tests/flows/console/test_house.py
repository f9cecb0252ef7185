"""The console itself: logged in by a token, its metrics, its lists as they change, what a path takes, Prefect away."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chaos.history.models import RunRow
from chaos.history.store import History
from flows.console.sessions import LASTS_S, Sessions
from tests.flows.console.alone import alone
from tests.flows.console.served import BASE, Console, client, token


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Deliveries, sessions and lists need no Prefect."""
    with alone(tmp_path_factory.mktemp("alone")) as console:
        yield console


def test_a_token_becomes_a_cookie_that_ends_with_it(console: Console) -> None:
    opened = token("viewer")
    with client(console.url) as browser:
        assert browser.post(f"{BASE}/session", json={"token": "of nobody"}).status_code == 401
        answer = browser.post(f"{BASE}/session", json={"token": opened})
        said = answer.headers["set-cookie"]
        assert all(each in said for each in ("HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={LASTS_S}"))
        assert opened not in said
        assert browser.get(f"{BASE}/session").json()["role"] == "viewer"
        assert browser.put(f"{BASE}/halt", json={"reason": "x"}).status_code == 403
        with History.open() as history:
            history.revoke_token(answer.json()["name"], 1)
        assert (
            browser.get(f"{BASE}/session").json()["role"] == "operator"
        )  # this machine's user, as without a cookie
        assert browser.delete(f"{BASE}/session").status_code == 204


def test_a_session_lasts_so_long() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    made = sessions.begin("abc")
    assert sessions.token(f"a=b; chaoslab_session={made}") == "abc"
    for other in ("", "chaoslab_session=", "chaoslab_session=x", f"x={made}", ";;=;"):
        assert sessions.token(other) is None
    now[0] = LASTS_S + 1.0
    assert sessions.token(f"chaoslab_session={made}") is None


def test_pages_of_elsewhere_neither_log_in_nor_out(console: Console) -> None:
    for verb in ("POST", "DELETE"):
        answer = console.client.request(
            verb, f"{BASE}/session", json={"token": "x"}, headers={"origin": "http://evil.example"}
        )
        assert answer.status_code == 403


def test_metrics_are_prometheus(console: Console) -> None:
    console.get("/runs")
    text = console.ask("GET", "/metrics", 200).text
    assert 'chaoslab_console_requests_total{method="GET",status="200"}' in text
    assert "chaoslab_console_store_seconds_count" in text
    assert "chaoslab_runs_live" in text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/runs", "GET, HEAD, OPTIONS, POST"),
        ("/runs/x/stop", "OPTIONS, POST"),
        ("/halt", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ],
)
def test_a_path_tells_what_it_takes(console: Console, path: str, allowed: str) -> None:
    answer = console.ask("OPTIONS", path, 204)
    assert (answer.headers["allow"], answer.content) == (allowed, b"")


def test_lists_tell_what_changes(console: Console) -> None:
    found: list[dict[str, Any]] = []
    came = threading.Event()
    run = RunRow(
        id="20261130-130000-shop-abcdef",
        run_id="20261130-130000-shop-abcdef",
        experiment="shop",
        created_ms=round(time.time() * 1000),
    )

    def look() -> None:
        with httpx.stream(
            "GET", f"{console.url}{BASE}/stream?topics=runs", timeout=60, trust_env=False
        ) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    found.append(json.loads(line.removeprefix("data: ")))
                    if found[-1]["id"] == run.id:
                        came.set()
                        return

    looking = threading.Thread(target=look)
    looking.start()
    with History.open() as history:
        history.observe(run)
    assert came.wait(60)
    looking.join()
    assert {each["topic"] for each in found} == {"runs"}
    assert found[-1]["item"]["experiment"] == "shop"
    console.ask("GET", "/stream?topics=nothing", 400)


def test_what_is_known_is_told_while_prefect_is_away(console: Console) -> None:
    """Lists say that they are partial; what only Prefect knows is 503 with when to ask again."""
    id = "11111111-2222-3333-4444-555555555555"
    with History.open() as history:
        history.observe(RunRow(id=id, flow_run=id, experiment="away", state="running", created_ms=1))
    for path in ("/runs?experiment=away", "/runs/count", f"{BASE}/experiments", "/game-days"):
        assert "Prefect API failed" in console.get(path)["partial"], path
    assert [each["id"] for each in console.get("/runs?experiment=away")["items"]] == [id]
    assert console.get(f"/runs/{id}")["state"] == "running"
    answer = console.ask("GET", "/runs/11111111-2222-3333-4444-666666666666", 503)
    assert (answer.json()["type"], answer.headers["retry-after"]) == ("/problems/prefect-away", "5")
    console.ask("POST", "/runs", 503, json={"ad_hoc": {"scenario": "disk_full"}})
