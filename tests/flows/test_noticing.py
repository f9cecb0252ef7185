"""What Prefect hears of a run: an event that says what became of it, and an automation of ours that acts on it."""

import asyncio
import secrets
from pathlib import Path
from typing import Any

import yaml
from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.events.schemas.automations import AutomationCore

from chaos.analysis.result import Result
from flows.experiment.flow import experiment
from flows.server.api import Api

EXAMPLE = Path(__file__).parents[2] / "docs/automations/pause-what-deviated.yaml"
SOON_S = 60.0


async def told(name: str, subject: str) -> list[dict[str, Any]]:
    """The events of that name about it, once there are any: the server writes them down in batches."""
    wanted = {"filter": {"event": {"name": [name]}, "resource": {"id": [subject]}}}
    async with get_client() as client, asyncio.timeout(SOON_S):
        while not (found := (await client.request("POST", "/events/filter", json=wanted)).json()["events"]):  # type: ignore[arg-type]
            await asyncio.sleep(0.1)
        return list(found)


def test_a_run_says_what_became_of_it_and_prefect_knows_whose_it_is(deviated: Result) -> None:
    subject = f"chaoslab.experiment.{deviated.experiment}"
    found = asyncio.run(told("chaoslab.run.deviated", subject))
    (event,) = [each for each in found if each["payload"]["run_id"] == deviated.run_id]
    assert event["resource"]["chaoslab.label.team"] == "flows"
    assert (event["payload"]["verdict"], event["payload"]["why"]) == ("deviated", deviated.why)
    assert deviated.links.prefect is not None
    run = deviated.links.prefect.rsplit("/", 1)[1]
    assert f"prefect.flow-run.{run}" in [each["prefect.resource.id"] for each in event["related"]]


def test_the_example_pauses_the_deployment_of_what_deviated(prefect_server: Api) -> None:
    async def scene(name: str) -> None:
        wanted = yaml.safe_load(EXAMPLE.read_text())
        wanted["trigger"]["match"]["prefect.resource.id"] = f"chaoslab.experiment.{name}"
        await Automation(**{**wanted, "name": name}).acreate()
        async with get_client() as client, asyncio.timeout(SOON_S):
            deployment = await client.create_deployment(
                await client.create_flow_from_name(experiment.name), name
            )
            of_it = {
                "prefect.resource.id": f"prefect.deployment.{deployment}",
                "prefect.resource.role": "deployment",
            }
            while not (await client.read_deployment(deployment)).paused:
                # Again: what comes before the server heeds a new automation counts for nothing.
                about = {"prefect.resource.id": f"chaoslab.experiment.{name}"}
                emit_event("chaoslab.run.deviated", about, related=[of_it])
                await asyncio.sleep(0.3)

    asyncio.run(scene(f"paused-{secrets.token_hex(4)}"))


def test_the_example_is_what_prefect_takes() -> None:
    read = AutomationCore.model_validate(yaml.safe_load(EXAMPLE.read_text()))
    assert (read.name, read.enabled) == ("pause-what-deviated", True)
