"""What stands at a Prefect API whichever repositories are followed: work pool, ad-hoc form, heartbeat watch.

Each is made when it is not there or looks different, and left alone else; whoever comes second changes nothing.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema

POOL = "chaoslab"
BEAT_S = 30
"""From one heartbeat of a run to the next; Prefect allows no less."""
SILENT_S = 90.0
"""A run that has said nothing for so long has no runner: two heartbeats may get lost."""
RUNNER = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(BEAT_S)}}
"""What a worker, wherever it is, is told about a run's process."""
AD_HOC, WATCH = "ad-hoc", "chaoslab: runs whose runner died"
TAG = "chaoslab"
"""Of every deployment of ours, and so of its runs: they are told to send heartbeats, and only they are watched."""


async def pool(client: PrefectClient) -> None:
    """The work pool of our deployments; one of that name is left as it is, also when it is for containers."""
    from prefect.workers.process import ProcessWorker

    wanted = WorkPoolCreate(
        name=POOL, type="process", base_job_template=ProcessWorker.get_default_base_job_template()
    )
    with suppress(ObjectAlreadyExists):
        await client.create_work_pool(wanted)


async def ad_hoc_deployment(client: PrefectClient, out: Path, *, insist: bool = False) -> None:
    """The form by which a person starts an experiment without a manifest.

    Its runs write below `out`; where they wrote already when it is there, unless the caller insists.
    """
    from flows.ad_hoc import ad_hoc

    shape: dict[str, Any] = {
        "description": "An experiment without a manifest: choose a fault, how hard and how long, and what it hurts.",
        "tags": [TAG],
        "parameters": {"out": str(out.absolute())},
        "parameter_openapi_schema": form(ad_hoc, without=("out",)),
        "enforce_parameter_schema": True,
        "entrypoint": "flows.ad_hoc.ad_hoc",
        "work_pool_name": POOL,
        "job_variables": RUNNER,
    }
    with suppress(ObjectNotFound):
        found = await client.read_deployment_by_name(f"{ad_hoc.name}/{AD_HOC}")
        shape["parameters"] = shape["parameters"] if insist else found.parameters
        if _shows(found.model_dump(mode="json"), shape):
            return
    flow = await client.create_flow_from_name(ad_hoc.name)
    body = {"name": AD_HOC, "flow_id": str(flow), **shape}
    await client.request("POST", "/deployments/", json=body)


async def heartbeat_watch(
    client: PrefectClient, silent_s: float = SILENT_S, name: str = WATCH, tag: str = TAG
) -> None:
    """The automation that marks a run as crashed when its runner, which cannot do so itself, has died."""
    wanted = watch(silent_s, name, tag)
    found = await client.read_automations_by_name(name)
    for twice in found[1:]:
        await client.delete_automation(twice.id)
    if not found:
        await client.create_automation(wanted)
    elif not _shows(found[0].model_dump(mode="json"), wanted.model_dump(mode="json", exclude_unset=True)):
        await client.update_automation(found[0].id, wanted)


def watch(silent_s: float, name: str, tag: str) -> AutomationCore:
    """After a start or heartbeat, anything else of that run is a sign of life: also its end, however named."""
    trigger = EventTrigger(
        posture=Posture.Proactive,
        after={"prefect.flow-run.Running", "prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        match_related=ResourceSpecification({"prefect.resource.id": f"prefect.tag.{tag}"}),
        for_each={"prefect.resource.id"},
        threshold=1,
        within=timedelta(seconds=silent_s),
    )
    why = f"no sign of life for {silent_s:.0f} s: its runner has died. Its fault and its sandbox end by themselves."
    crash = ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=why)
    return AutomationCore(
        name=name, description="Made by `chaoslab serve`.", trigger=trigger, actions=[crash]
    )


def form(
    flow: Flow[Any, Any], *, only: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The schema of the custom-run form: the parameters that a person may choose, in their order."""
    schema: dict[str, Any] = json.loads(parameter_schema(flow).model_dump_json())
    names = [name for name in only or schema["properties"] if name not in without]
    shown = {name: {**_simple(schema["properties"][name]), "position": at} for at, name in enumerate(names)}
    needed = [name for name in schema.get("required", []) if name in shown]
    return {**schema, "properties": shown, "required": needed}


def _simple(field: dict[str, Any]) -> dict[str, Any]:
    """A field that may be left empty, without the choice between a value and None: empty is None."""
    values = [each for each in field.get("anyOf", []) if each != {"type": "null"}]
    if len(values) != 1:
        return field
    return {**{key: value for key, value in field.items() if key not in ("anyOf", "default")}, **values[0]}


def _shows(found: object, wanted: object) -> bool:
    """Whether everything wanted is there; what the server adds does not count."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            _shows(found.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        plain = all(isinstance(each, str) for each in wanted)
        pairs = zip(sorted(found), sorted(wanted), strict=True) if plain else zip(found, wanted, strict=True)
        return all(_shows(one, other) for one, other in pairs)
    return found == wanted
