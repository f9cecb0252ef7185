"""Starts: what is refused before anything is asked of Prefect, and that a key starts one run."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chaos.runs import kill_switch as switch
from flows.console.limits import Rate
from flows.server.api import Api
from tests.flows.console.served import Console, served
from tests.flows.patience import client as prefect

AD_HOC = {"scenario": "network_delay", "hold": "5s"}
YAML = """apiVersion: chaoslab/v1
kind: Experiment
metadata: {name: posted}
spec:
  hypothesis: It stays up.
  target:
    app: .
    processes:
      - {name: inventory, command: [python3, inventory.py], port: 9000}
      - {name: web, command: [python3, web.py], port: 8000, env: {INVENTORY_URL: "http://inventory:9000"}}
  steadyState:
    - name: answers
      probe: {type: http, url: "http://127.0.0.1:8000/checkout", every: 50ms}
      tolerance: {status: 200}
  method:
    - {name: slow, fault: {type: network_delay, intensity: low, process: web}, hold: 5s}
  phases: {baseline: 2s, recovery: 2s}
"""


@pytest.fixture(autouse=True)
def nothing_left(prefect_server: Api) -> Iterator[None]:
    """What these tests start waits for a worker of other tests."""
    yield
    with prefect(prefect_server.url) as api:
        wanted = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED", "PENDING"]}}}, "limit": 200}
        for run in api.post("/flow_runs/filter", json=wanted).raise_for_status().json():
            api.delete(f"/flow_runs/{run['id']}")


def test_a_start_is_a_flow_run_that_waits_and_says_for_what(console: Console, prefect_server: Api) -> None:
    answer = console.ask("POST", "/runs", 202, json={"ad_hoc": AD_HOC, "seed": 7})
    made = answer.json()
    assert (made["state"], made["experiment"], made["run_id"]) == ("queued", "ad-hoc-network-delay", None)
    assert answer.headers["location"] == made["links"]["self"]
    with prefect(prefect_server.url) as api:
        run = api.get(f"/flow_runs/{made['id']}").json()
    assert run["parameters"]["scenario"] == "network_delay"
    assert run["parameters"]["seed"] == 7
    assert run["labels"]["chaoslab.by"].startswith("console: ")
    shown = console.get(answer.headers["location"])
    assert shown["state"] == "queued"
    assert "worker" in shown["waiting_for"]
    assert made["id"] in [each["id"] for each in console.get("/runs?state=live")["items"]]
    stopped = console.post(f"/runs/{made['id']}/stop", {"reason": "changed my mind"})
    assert (stopped["state"], stopped["verdict"]) == ("ended", "inconclusive")
    console.post(f"/runs/{made['id']}/stop", {}, 409)
    again = console.post(f"/runs/{made['id']}/again", {})
    assert again["id"] != made["id"]
    assert console.get(f"/runs/{made['id']}/result", 424)["type"] == "/problems/not-delivered"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "exactly one of"),
        ({"ad_hoc": AD_HOC, "manifest": {"yaml": YAML}}, 400, "ad_hoc and manifest"),
        ({"ad_hoc": {**AD_HOC, "more": 1}}, 400, "Extra inputs"),
        ({"ad_hoc": {**AD_HOC, "port": "80"}}, 400, "valid integer"),
        ({"ad_hoc": {**AD_HOC, "hold": "5"}}, 400, "match pattern"),
        ({"ad_hoc": {"scenario": "disk_ful"}}, 422, "unknown 'disk_ful'"),
        ({"ad_hoc": {**AD_HOC, "app": "/no/such/folder"}}, 422, "no directory"),
        ({"ad_hoc": {**AD_HOC, "app": "\0"}}, 422, "no directory"),
        ({"ad_hoc": {**AD_HOC, "image": "nginx"}}, 422, "image"),
        ({"ad_hoc": AD_HOC, "hold": "5s"}, 400, "takes no hold"),
        ({"ad_hoc": AD_HOC, "seed": -1}, 400, "greater than or equal to 0"),
        ({"experiment": {"name": "nobody"}}, 404, "no experiment 'nobody'"),
        ({"game_day": {"name": "nobody"}}, 404, "no game-day 'nobody'"),
        ({"manifest": {"yaml": YAML.replace("network_delay", "network_dela")}}, 422, "network_delay"),
        ({"manifest": {"yaml": YAML.replace("app: .", "app: /etc")}}, 422, "folder of some machine"),
        ({"manifest": {"yaml": YAML.replace("app: .", "app: ../../..")}}, 422, "folder of some machine"),
        ({"manifest": {"yaml": YAML + "---\n" + YAML}}, 422, "expected one Experiment"),
        ({"manifest": {"yaml": "\ud800"}}, 400, "unicode"),
        ({"manifest": {"yaml": "a: &a [*a]"}}, 422, "problems"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_meant_is_refused_with_what_and_where(
    console: Console, body: dict[str, Any], status: int, said: str
) -> None:
    answer = console.client.post(
        "/api/v1/runs", content=_json(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    assert said in answer.text
    assert answer.json()["status"] == status


def _json(body: object) -> bytes:
    return json.dumps(body).encode()


def test_problems_of_a_manifest_have_line_and_column(console: Console) -> None:
    found = console.post("/validate", {"yaml": YAML.replace("{status: 200}", "{status: 999}")}, 200)
    assert not found["valid"]
    assert [(each["line"], each["path"]) for each in found["problems"]] == [
        (14, "spec.steadyState[0].tolerance.status")
    ]
    assert console.post("/validate", {"yaml": YAML}, 200) | {"notes": []} == {
        "valid": True, "manifests": ["posted"], "problems": [], "notes": [],
    }  # fmt: skip


def test_a_manifest_is_started_as_it_is_and_planned_without_starting(
    console: Console, prefect_server: Api
) -> None:
    planned = console.post("/plan", {"manifest": {"yaml": YAML}}, 200)
    assert (planned["experiment"], planned["declared_s"], planned["refusals"]) == ("posted", 9.0, [])
    assert "network_delay" in planned["words"]
    made = console.post("/runs", {"manifest": {"yaml": YAML}})
    with prefect(prefect_server.url) as api:
        parameters = api.get(f"/flow_runs/{made['id']}").json()["parameters"]
    assert (parameters["manifest"], parameters["scenario"]) == (YAML, "network_delay")


@pytest.mark.timeout(600)
def test_two_hundred_starts_with_ten_keys_are_ten_runs(console: Console) -> None:
    def start(number: int) -> tuple[int, str]:
        headers = {"Idempotency-Key": f"key-{number % 10}"}
        answer = console.client.post("/api/v1/runs", json={"ad_hoc": AD_HOC}, headers=headers, timeout=300)
        return answer.status_code, answer.json().get("id", answer.text)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(start, range(200)))
    assert {status for status, _ in answers} == {200, 202}
    assert len({id for _, id in answers}) == 10
    assert sum(status == 202 for status, _ in answers) == 10


def test_who_starts_too_often_has_to_wait(prefect_server: Api, tmp_path: Path) -> None:
    with served(tmp_path, starts=Rate(1 / 600, 3.0)) as limited:
        answers = [limited.client.post("/api/v1/runs", json={"ad_hoc": AD_HOC}) for _ in range(4)]
        assert [each.status_code for each in answers] == [202] * 3 + [429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        limited.post("/runs/nobody/stop", {}, 404)  # what ends something is never too often


def test_a_key_is_for_one_body(console: Console) -> None:
    headers = {"Idempotency-Key": "one"}
    console.post("/runs", {"ad_hoc": AD_HOC}, headers=headers)
    said = console.post("/runs", {"ad_hoc": {"scenario": "disk_full"}}, 422, headers=headers)
    assert said["type"] == "/problems/idempotency-mismatch"
    console.post("/runs", {"ad_hoc": AD_HOC}, 400, headers={"Idempotency-Key": "with space"})
    console.post("/runs", {"ad_hoc": AD_HOC}, 400, headers={"Idempotency-Key": "x" * 129})


def test_nothing_begins_while_halted(console: Console) -> None:
    try:
        made = console.ask("PUT", "/halt", 200, json={"reason": "fire"}).json()
        assert (made["halted"], made["reason"]) == (True, "fire")
        assert switch.halted() is not None
        said = console.post("/runs", {"ad_hoc": AD_HOC}, 423, headers={"Idempotency-Key": "halted"})
        assert (said["reason"], said["by"].startswith("console: ")) == ("fire", True)
    finally:
        assert not console.ask("DELETE", "/halt", 200).json()["halted"]
    console.post(
        "/runs", {"ad_hoc": AD_HOC}, headers={"Idempotency-Key": "halted"}
    )  # the key began nothing then


def test_a_cursor_is_of_its_list(console: Console) -> None:
    for _ in range(3):
        console.post("/runs", {"ad_hoc": AD_HOC})
    first = console.get("/runs?limit=2")
    rest = console.get(f"/runs?limit=200&cursor={first['next']}")
    assert not {each["id"] for each in first["items"]} & {each["id"] for each in rest["items"]}
    for wrong in ("a", "%00", "x" * 900, first["next"] + "x"):
        assert console.get(f"/runs?cursor={wrong}", 400)["type"] == "/problems/bad-request"
    console.get(f"/runs?limit=2&verdict=held&cursor={first['next']}", 400)


def test_a_console_that_starts_repositories_only(
    prefect_server: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for policy, status in (("off", 403), ("shop", 403), ("images", 202)):
        monkeypatch.setenv("CHAOSLAB_CONSOLE_ADHOC", policy)
        with served(tmp_path) as strict:
            strict.post("/runs", {"manifest": {"yaml": YAML}}, status)
            strict.post("/runs", {"ad_hoc": AD_HOC}, 403 if policy == "off" else 202)
