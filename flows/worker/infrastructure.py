"""Infrastructure in Prefect: the work pool and the ad-hoc deployment, whichever repositories are followed.

Each is made when it is not there or looks different, and left alone else; whoever comes second changes nothing.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema

POOL = "chaoslab"
BEAT_S = 30
"""From one heartbeat of a run to the next; Prefect allows no less."""
RUNNER = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(BEAT_S)}}
"""What a worker, wherever it is, is told about a run's process."""
AD_HOC = "ad-hoc"
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
    from flows.experiment.ad_hoc import ad_hoc

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
        if shows(found.model_dump(mode="json"), shape):
            return
    flow = await client.create_flow_from_name(ad_hoc.name)
    body = {"name": AD_HOC, "flow_id": str(flow), **shape}
    await client.request("POST", "/deployments/", json=body)


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


def shows(found: object, wanted: object) -> bool:
    """Whether everything wanted is there; what the server adds does not count."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            shows(found.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        plain = all(isinstance(each, str) for each in wanted)
        pairs = zip(sorted(found), sorted(wanted), strict=True) if plain else zip(found, wanted, strict=True)
        return all(shows(one, other) for one, other in pairs)
    return found == wanted
