"""One scenario of the mission, started, followed and read by HTTP alone; then every line of docs/api.md against it."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chaos.analysis.result import Result
from flows.server.api import Api
from tests.flows.console.served import Console, served, streamed
from tests.lab import ROOT

pytestmark = pytest.mark.timeout(600)
WITHIN_S = 500.0
"""A run of some seconds, its start in a process of its own, and a machine that is busy with other tests."""
PAGE = (ROOT / "docs/api.md").read_text()
LINES = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
ELSE = {
    "/stop": 409,  # it has ended
    "/experiments/shop/checkout": 404,  # no repository is followed here
    "/game-days/$DAY": 404,
    "/game-days/$DAY/decision": 404,
    "/artifacts/journal.ndjson": 206,
    "-X PATCH /journal": 204,
    "-X PUT /artifacts/report.html": 204,
    "/whole": 409,  # it has no result
    "-d /session": 401,  # nobody's token
    "-X DELETE /session": 204,
    "/repositories/shop/sync": 404,
}


@pytest.fixture(scope="module")
def console(prefect_server: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """As `chaoslab console` serves it, with its worker."""
    with served(tmp_path_factory.mktemp("scenario") / "runs", worker=True) as console:
        yield console


@pytest.fixture(scope="module")
def run(console: Console) -> dict[str, Any]:
    """A run in the words of the mission, once it has ended, and the phases that were seen on the way."""
    body = {"scenario": "process_kill", "duration": 5, "intensity": "medium"}
    made = console.post("/api/experiment/start", body)
    assert made["assumed"] == {"sandbox": "local"}
    looking = ThreadPoolExecutor(1)
    live = looking.submit(streamed, console.url, made["experiment_id"])
    seen: list[dict[str, Any]] = []
    until = time.monotonic() + WITHIN_S
    while not seen or seen[-1]["status"] in ("queued", "running"):
        assert time.monotonic() < until, seen[-1]
        seen.append(console.get(made["status_url"]))
        time.sleep(0.5)
    looking.shutdown()
    return {**made, "seen": seen, "live": live.result()}


@pytest.mark.usefixtures("idle_pool")
def test_it_is_followed_from_queued_to_its_verdict(console: Console, run: dict[str, Any]) -> None:
    statuses = list(dict.fromkeys(each["status"] for each in run["seen"]))
    assert statuses[-1] in ("completed", "failed")
    assert statuses[:-1] == ["queued", "running"]
    phases = {each["phase"] for each in run["seen"]}
    assert {"baseline", "fault", "recovery"} <= phases
    percents = [each["progress"] for each in run["seen"]]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
    results = console.get(run["results_url"])
    result = Result.model_validate(results["result"])
    assert (results["verdict"], results["why"]) == (str(result.verdict), result.why)
    assert set(results["metrics"]) == {
        "cpu_peak", "memory_peak", "error_count", "recovery_time_seconds", "latency_p95",
    }  # fmt: skip
    assert console.get(run["results_url"].removeprefix("/api")) == results


def test_it_is_streamed_whole_and_resumed_without_a_gap(console: Console, run: dict[str, Any]) -> None:
    live = [each for each in run["live"] if each[0] is not None]
    kinds = {kind for _, kind, _ in run["live"]}
    assert {"state", "frame", "mark", "end"} <= kinds
    assert next(data["state"] for _, kind, data in run["live"] if kind == "state") == "queued"
    assert run["live"][-1][1] == "end"
    assert run["live"][-1][2]["verdict"] == console.get(run["results_url"])["verdict"]
    again = streamed(console.url, run["experiment_id"])
    assert [each for each in again if each[0] is not None] == live
    for at in (0, len(live) // 2, len(live) - 2):
        rest = streamed(console.url, run["experiment_id"], after=live[at][0])
        assert [each for each in rest if each[0] is not None] == live[at + 1 :]
    console.ask("GET", f"/runs/{run['experiment_id']}/events", 400, headers={"Last-Event-ID": "9:9"})
    assert console.ask("HEAD", f"/runs/{run['experiment_id']}/events", 200).content == b""


def test_both_names_lead_to_it_and_its_files_are_whole(console: Console, run: dict[str, Any]) -> None:
    shown = console.get(f"/runs/{run['experiment_id']}")
    assert (shown["state"], shown["delivery"]["journal"], shown["phase"]) == ("ended", "whole", None)
    assert console.get(f"/runs/{shown['run_id']}") == shown
    assert shown["id"] in [
        each["id"] for each in console.get("/runs?state=ended&fault=process_kill")["items"]
    ]
    base = f"/runs/{shown['run_id']}"
    assert console.get(f"{base}/result") == console.get(f"{base}/artifacts/result.json")
    journal = console.ask("GET", f"{base}/artifacts/journal.ndjson", 200).content
    for asked, piece in (("bytes=0-9", journal[:10]), ("bytes=-7", journal[-7:]), ("bytes=5-", journal[5:])):
        answer = console.ask("GET", f"{base}/artifacts/journal.ndjson", 206, headers={"Range": asked})
        assert answer.content == piece
    console.ask("GET", f"{base}/artifacts/journal.ndjson", 416, headers={"Range": f"bytes={len(journal)}-"})
    report = console.ask("GET", f"{base}/artifacts/report.html", 200)
    assert report.headers["content-security-policy"].startswith("sandbox;")
    for name in ("..%2f..%2fresult.json", "%2e%2e", "agent.log", "result.json%00", "..\\result.json"):
        assert console.client.get(f"/api/v1{base}/artifacts/{name}").status_code == 404, name
    plan = console.get(f"{base}/plan")
    assert plan["plan"]["method"][0]["fault"]["type"] == "process_kill"
    charts = console.get(f"{base}/series?points=20")
    assert [name for name, _, _ in charts["phases"]] == ["baseline", "fault", "recovery"]
    assert 0 < len(charts["latency_p95"]) <= 80
    logs = console.get(f"{base}/logs?process=web")
    assert {each["process"] for each in logs["items"]} <= {"web"}


def test_what_explains_it_needs_no_script(console: Console) -> None:
    for path in ("/docs", "/problems/halted", "/style.css"):
        answer = console.client.get(path)
        assert answer.status_code == 200, path
        assert "<script" not in answer.text
        assert not re.search(r'(?:src|href)="(?:https?:)?//(?!127\.0\.0\.1)', answer.text)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:90])
def test_every_line_of_the_page_works(console: Console, run: dict[str, Any], line: str) -> None:
    id, path = run["experiment_id"], line.partition("/api/v1")[2] or line.partition("$CONSOLE")[2]
    wanted = next(
        (
            status
            for end, status in ELSE.items()
            if path.strip('"').endswith(end.rpartition(" ")[2]) and end.rpartition(" ")[0] in line
        ),
        None,
    )
    named = {"$CONSOLE": console.url, "$RUN": id, "$OTHER": id, "$DAY": "20261130-120000-none-abcdef"}
    for name, value in named.items():
        line = line.replace(name, value)
    command = [*shlex.split(line), "-s", "-o", "/dev/stdout", "-w", "\n%{http_code}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    body, _, status = ended.stdout.rpartition("\n")
    assert int(status) == wanted if wanted else int(status) in (200, 202), f"{status} {body[:1000]}"
    if "/again" in line or line.endswith("/api/v1/runs") or line.endswith("/start"):
        started = json.loads(body)
        console.ask(
            "POST",
            f"/runs/{started.get('id') or started['experiment_id']}/stop",
            202,
            json={"reason": "tried"},
        )


def test_every_route_has_its_line(console: Console) -> None:
    """A page that leaves one out is not the API's."""
    paths = console.get("/openapi.json")["paths"]
    missing = []
    for path in paths:
        shape = re.sub(r"\\{[a-z_]+\\}", r"[^/ ?\"]+", re.escape(path))
        if not any(
            re.search(rf'\$CONSOLE(?:/api)?{shape.removeprefix("/api")}(?:[ ?"]|$)', line) for line in LINES
        ):
            missing.append(path)
    assert missing == []


def test_the_example_program_is_short() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    compile(program, "docs/api.md", "exec")
    assert len(program.splitlines()) <= 20
