"""What stands at a Prefect API: made once, healed when it looks different, refused in the form what cannot be meant."""

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
import yaml
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Cancelling, Pending, Running

from chaos.runs.active import folder as folder_of_runs
from chaos.runs.directory import Run
from flows.experiment.ad_hoc import ad_hoc
from flows.experiment.flow import experiment
from flows.server.api import Api
from flows.server.local import secret_for
from flows.worker import heartbeats
from flows.worker import infrastructure as standing
from flows.worker.cleanup import DIED, clean_up_runs
from tests.flows.conftest import environment
from tests.flows.patience import client
from tests.lab import ROOT

T = TypeVar("T")
WITHIN_S = 120.0
"""A run of some seconds, its start in a process of its own, and a machine that is busy with other tests."""


def through(work: Callable[[PrefectClient], Awaitable[T]]) -> T:
    """Ask the server that the tests share."""

    async def ask() -> T:
        async with get_client() as client:
            return await work(client)

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def silent(prefect_server: Api) -> tuple[str, UUID]:
    """A run of ours that beats once and then never again, and the name of the watch that is about it.

    The server's own watch with a shorter patience (it allows no less): other tests pass meanwhile.
    """
    name = f"silent-{secrets.token_hex(4)}"

    async def scene(client: PrefectClient) -> UUID:
        await heartbeats.heeded(client, 10.0, name, tag=name)
        run = await client.create_flow_run(
            experiment, parameters={"manifest": "x"}, state=Pending(), tags=[name]
        )
        await client.set_flow_run_state(run.id, Running())
        return run.id

    return name, through(scene)


@pytest.mark.usefixtures("silent")
def test_it_is_made_once_and_healed(prefect_server: Api, tmp_path: Path) -> None:
    api = client(prefect_server.url)
    url = "/deployments/name/ad-hoc/ad-hoc"

    async def put(client: PrefectClient, insist: bool = True) -> None:
        await standing.pool(client)
        await standing.ad_hoc_deployment(client, tmp_path / "runs", insist=insist)
        await heartbeats.heeded(client)

    async def watches(client: PrefectClient) -> list[Any]:
        return list(await client.read_automations_by_name(heartbeats.WATCH))

    with api:
        through(put)
        made, (watch,) = api.get(url).json(), through(watches)
        through(put)
        assert (api.get(url).json()["updated"], through(watches)) == (made["updated"], [watch])
        assert made["parameters"] == {"out": str(tmp_path / "runs")}
        change = {"description": "by hand", "parameters": {"out": "/elsewhere"}}
        api.patch(f"/deployments/{made['id']}", json=change).raise_for_status()
        api.patch(f"/automations/{watch.id}", json={"enabled": False}).raise_for_status()
        through(lambda client: put(client, insist=False))
        healed = api.get(url).json()
        assert (healed["id"], healed["description"]) == (made["id"], made["description"])
        assert healed["parameters"] == {"out": "/elsewhere"}
        (left,) = through(watches)
        assert not left.enabled  # a person's wish


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "'scenario' is a required property"),
        ({"scenario": "disk_ful"}, "'disk_ful' is not one of"),
        ({"scenario": "disk_full", "hold": "5"}, "does not match"),
        ({"scenario": "disk_full", "intensity": "extreme"}, "not one of ['low', 'medium', 'high']"),
        ({"scenario": "disk_full", "sandbox": "docker"}, "not one of ['local', 'container', 'e2b']"),
        ({"scenario": "disk_full", "port": 0}, "less than the minimum"),
        ({"scenario": "disk_full", "path": "up"}, "does not match"),
        ({"scenario": "disk_full", "seed": -1}, "less than the minimum"),
    ],
    ids=str,
)
def test_the_form_refuses_what_cannot_be_meant(
    prefect_server: Api, tmp_path: Path, parameters: dict[str, Any], said: str
) -> None:
    async def start(client: PrefectClient) -> None:
        await standing.pool(client)
        await standing.ad_hoc_deployment(client, tmp_path)
        found = await client.read_deployment_by_name("ad-hoc/ad-hoc")
        await client.create_flow_run_from_deployment(found.id, parameters=parameters)

    with pytest.raises(PrefectHTTPStatusError) as caught:
        through(start)
    assert said in caught.value.response.json()["detail"]


def test_what_is_deployed_by_hand_and_watched_sends_heartbeats() -> None:
    """Else every longer run of it would be marked as crashed."""
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    watched = [each for each in deployments if standing.TAG in each["tags"]]
    assert watched
    assert all(each["work_pool"]["job_variables"] == standing.RUNNER for each in watched)


def test_forms_show_what_a_person_may_choose_in_that_order() -> None:
    form = standing.form(experiment, only=("hold", "intensity", "seed"))
    assert list(form["properties"]) == ["hold", "intensity", "seed"]
    assert [each["position"] for each in form["properties"].values()] == [0, 1, 2]
    assert form["required"] == []
    assert form["properties"]["intensity"]["enum"] == ["low", "medium", "high"]
    assert not any("anyOf" in each for each in form["properties"].values())  # a field, not a choice of types
    shown = standing.form(ad_hoc, without=("out",))
    assert list(shown["properties"])[:3] == ["scenario", "intensity", "hold"]
    assert "out" not in shown["properties"]
    assert shown["required"] == ["scenario"]
    assert all(each["description"] for each in shown["properties"].values())


@pytest.mark.parametrize(("asked", "ends"), [(Running(), "Crashed"), (Cancelling(), "Cancelled")], ids=str)
def test_a_run_whose_process_died_is_closed_in_prefect(
    prefect_server: Api, tmp_path: Path, asked: Any, ends: str
) -> None:
    async def scene(client: PrefectClient) -> tuple[list[str], FlowRun]:
        run = await client.create_flow_run(experiment, parameters={"manifest": "x"}, state=Pending())
        await client.set_flow_run_state(run.id, Running())
        await client.set_flow_run_state(run.id, asked)
        left(f"20260101-000000-{ends.lower()}-000000", tmp_path / "run", run.id)
        said = [line async for line in clean_up_runs(client, print)]
        return said, await client.read_flow_run(run.id)

    said, now = through(scene)
    assert any(ends.lower() in line and DIED in line for line in said)
    assert now.state is not None
    assert (now.state.name, now.state.message) == (ends, DIED)


@pytest.fixture
def worker(prefect_server: Api, idle_pool: None, tmp_path: Path) -> Iterator[None]:
    """A worker of Prefect's own, as somebody starts it on another machine."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", standing.POOL]
    secret = secret_for(prefect_server.url)
    assert secret is not None
    settings = {"PREFECT_API_URL": prefect_server.url, "PREFECT_API_AUTH_STRING": secret}
    with environment(**settings, PREFECT_WORKER_QUERY_SECONDS="1"):
        with (tmp_path / "worker.log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


NOTES_EACH_REQUEST = """
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Handler(SimpleHTTPRequestHandler):
    def log_request(self, *args):
        try:
            with open("/tmp/notes", "a") as notes:
                notes.write(self.path + "\\n")
        except OSError:
            pass


ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
"""


@pytest.mark.usefixtures("worker")
def test_a_plain_prefect_worker_carries_out_what_a_person_asked_for_in_the_form(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "serve.py").write_text(NOTES_EACH_REQUEST)
    wish = {
        "scenario": "disk_full",
        "intensity": "low",
        "hold": "1s",
        "app": str(tmp_path / "app"),
        "command": "python3 -S serve.py",
    }

    async def scene(client: PrefectClient) -> FlowRun:
        await standing.pool(client)
        await standing.ad_hoc_deployment(client, tmp_path / "runs", insist=True)
        found = await client.read_deployment_by_name("ad-hoc/ad-hoc")
        run = await client.create_flow_run_from_deployment(found.id, parameters=wish)
        async with asyncio.timeout(WITHIN_S):
            while (now := await client.read_flow_run(run.id)).state and not now.state.is_final():
                await asyncio.sleep(0.2)
        return now

    run = through(scene)
    assert run.state is not None
    assert run.state.name == "Completed", run.state.message
    (folder,) = (tmp_path / "runs").iterdir()
    assert json.loads((folder / "result.json").read_text())["verdict"] == "held"
    assert run.name == f"ad-hoc-disk-full-{folder.name[-6:]}"
    assert list(folder_of_runs().iterdir()) == []


def test_a_run_that_falls_silent_is_marked_as_crashed(silent: tuple[str, UUID]) -> None:
    name, run = silent

    async def scene(client: PrefectClient) -> FlowRun:
        async with asyncio.timeout(WITHIN_S):
            while (now := await client.read_flow_run(run)).state and not now.state.is_final():
                await asyncio.sleep(0.2)
        (watch,) = await client.read_automations_by_name(name)
        await client.delete_automation(watch.id)
        return now

    state = through(scene).state
    assert state is not None
    assert state.is_crashed()
    assert "its runner has died" in (state.message or "")


def left(name: str, path: Path, flow_run: UUID) -> None:
    """As a process leaves it that dies before it has written a word of its run."""
    path.mkdir()
    folder_of_runs().mkdir(parents=True, exist_ok=True)
    said = Run(name, path)
    text = f'{{"folder": "{said.folder}", "flow_run": "{flow_run}"}}'
    (folder_of_runs() / f"{said.id}.json").write_text(text)
