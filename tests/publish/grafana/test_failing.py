"""When delivery goes wrong it says what and why, within its time, and never loses what did arrive."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chaos.publish.grafana import McpServer, Spawned
from chaos.publish.grafana.deliver import WITHIN_S, deliver
from tests.doubles.grafana import Grafana
from tests.publish.grafana.stage import CALLER, Stage, kill_own_binary, running, spawned

_SLACK_S = 5.0
"""For a busy machine; the bound itself is on the clock of the thread that waits."""


@pytest.mark.parametrize(
    ("path", "status", "why", "arrived"),
    [
        ("/", 401, "401", False),
        ("/api/dashboards/db", 401, "401", False),
        ("/api/dashboards/db", 412, "412", False),
        ("/api/dashboards/db", 500, "500", False),
        ("/api/folders", 403, "403", False),
        ("/api/annotations", 500, "500", True),
    ],
)
def test_a_refusal_says_who_refused_what(
    stage: Stage, new_grafana: Grafana, path: str, status: int, why: str, arrived: bool
) -> None:
    new_grafana.failing = {path: status}
    receipt, failure = deliver(spawned(new_grafana), stage.dispatch(), 30)
    assert why in str(failure)
    assert (receipt.link is not None) == arrived


def test_queries_that_fail_are_doubts_about_a_dashboard_that_is_there(
    stage: Stage, new_grafana: Grafana
) -> None:
    new_grafana.failing = {"/api/datasources/uid/chaoslab/resources": 502, "/api/datasources/proxy": 502}
    receipt, failure = deliver(spawned(new_grafana), stage.dispatch(), 30)
    assert failure is None
    assert receipt.link is not None
    assert "cannot be read: Verdict: query_prometheus" in receipt.doubts


@pytest.mark.parametrize("path", ["/api/frontend", "/api/dashboards/db", "/api/datasources"])
def test_a_grafana_that_hangs_is_waited_for_no_longer_than_allowed(
    stage: Stage, new_grafana: Grafana, path: str
) -> None:
    new_grafana.hanging = path
    started = time.monotonic()
    receipt, failure = deliver(spawned(new_grafana), stage.dispatch(), 2.5)
    took_s = time.monotonic() - started
    assert "no answer" in str(failure)
    assert receipt.link is None
    assert took_s < 2.5 + _SLACK_S


def test_a_wrong_token_of_grafana(stage: Stage, grafana: Grafana) -> None:
    receipt, failure = deliver(Spawned(grafana.url, "glsa_wrong"), stage.dispatch(), 30)
    assert "401" in str(failure)
    assert "Invalid API key" in str(failure)
    assert receipt.url is None


@pytest.mark.parametrize("token", ["wrong", None])
def test_a_wrong_token_of_the_mcp_server(stage: Stage, new_grafana: Grafana, token: str | None) -> None:
    with running(new_grafana) as (server, _):
        _, failure = deliver(McpServer(server.url, token), stage.dispatch(), 30)
    assert "answers 401: GRAFANA_MCP_TOKEN is not the one it wants" in str(failure)
    assert new_grafana.store.dashboards == {}


def test_no_mcp_server_and_no_grafana(stage: Stage) -> None:
    for nobody in (McpServer("http://127.0.0.1:9/mcp", CALLER), Spawned("http://127.0.0.1:9", "glsa")):
        started = time.monotonic()
        _, failure = deliver(nobody, stage.dispatch())
        assert "127.0.0.1:9" in str(failure)
        assert time.monotonic() - started < WITHIN_S + _SLACK_S


def test_a_password_in_an_address_is_not_told(stage: Stage) -> None:
    _, failure = deliver(McpServer("http://user:secret@127.0.0.1:9/mcp", CALLER), stage.dispatch(), 30)
    assert "secret" not in str(failure)


def test_a_binary_killed_in_the_middle_is_begun_anew(stage: Stage, new_grafana: Grafana) -> None:
    new_grafana.hanging = "/api/dashboards/db"
    with ThreadPoolExecutor(1) as other:
        delivery = other.submit(deliver, spawned(new_grafana), stage.dispatch(), 30)
        assert new_grafana.called.wait(30)
        new_grafana.hanging = None
        kill_own_binary()
        receipt, failure = delivery.result()
    assert failure is None
    assert receipt.empty == []
    assert len(new_grafana.store.annotations) == 1


def test_a_running_server_killed_in_the_middle(stage: Stage, new_grafana: Grafana) -> None:
    new_grafana.hanging = "/api/annotations"
    with running(new_grafana) as (server, process), ThreadPoolExecutor(1) as other:
        delivery = other.submit(deliver, server, stage.dispatch(), 30)
        assert new_grafana.called.wait(30)
        process.kill()
        receipt, failure = delivery.result()
    assert f"the MCP server at {server.url.removesuffix('/mcp')}" in str(failure)
    assert receipt.link is not None
