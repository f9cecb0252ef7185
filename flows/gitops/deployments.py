"""Deployments and push runs in Prefect: read as `Observed`, and changed one action at a time.

A deployment is written whole by `POST /deployments/`, an upsert by (flow, name), because only that takes labels; it
makes its schedules anew, so it is only sent for what changed. On SQLite concurrent writers only get in each other's way
(four of them: 73 x 503 in 275 requests), so one writes; the client itself repeats what a busy server refuses.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from chaos.gitops.decide import Action
from chaos.gitops.observed import Deployed, Observed, PushRun, Shape
from chaos.gitops.wanted import Desired
from flows.experiment.flow import experiment
from flows.prefect.labels import PUSH
from flows.prefect.states import CANCELLING, SCHEDULED, pushed_as
from flows.worker import infrastructure as standing
from flows.worker.infrastructure import POOL, RUNNER

_PAGE = 200
"""The API's limit."""
_SLUG = "repository"
_REPOSITORY, _DIGEST, _SUSPENDED = "chaoslab.repository", "chaoslab.digest", "chaoslab.suspended"
_SHAPE = "chaoslab.shape"
GAME_DAY, _DAY_ENTRY = "game-day", "flows.game_day.game_day"
"""The flow of game days, and where a runner finds it."""


@dataclass(frozen=True, slots=True)
class Deployments:
    """Deployments of experiments and game days at one Prefect API. Methods raise what its client raises."""

    client: PrefectClient
    out: str
    """The folder that runs write to, on the machine that carries them out."""
    _flow_ids: dict[str, str] = field(default_factory=dict)
    """By name; asked for once, not for each deployment."""

    async def observed(self, stalled: frozenset[str], names: Iterable[str] | None = None) -> Observed:
        """All of them, or only those of these names."""
        some = None if names is None else sorted(names)
        wanted: dict[str, Any] = {"flows": {"name": {"any_": [experiment.name, GAME_DAY]}}}
        if some is not None:
            wanted["deployments"] = {"name": {"any_": some}}
        found = [] if some == [] else await self._pages("/deployments/filter", wanted)
        deployments: dict[str, Deployed] = {}
        for one in map(
            _deployed, found
        ):  # an experiment and a game day of two repositories may have one name
            deployments[f"{one.name} {one.id}" if one.name in deployments else one.name] = one
        return Observed(deployments, await self._runs(deployments.values()), stalled)

    async def ready(self) -> None:
        """Make what stands beside them: the work pool that they belong to, and the form without a manifest."""
        await standing.pool(self.client)
        await standing.ad_hoc_deployment(self.client, Path(self.out))

    async def apply(self, action: Action, desired: Desired) -> None:
        """Do one thing."""
        match action.kind:
            case "create" | "update":
                await self._post("/deployments/", await self._body(action, desired))
            case "pause" | "resume":
                await self._post(f"/deployments/{_id(action)}/{action.kind}_deployment", None)
            case "prune":
                with suppress(ObjectNotFound):  # another machine that follows the repository was faster
                    await self.client.delete_deployment(UUID(_id(action)))
            case "abort":
                cancel = {"state": {"type": CANCELLING, "message": action.why}}
                await self._post(f"/flow_runs/{action.key}/set_state", cancel)
            case "run":
                await self._run(action)
            case "stall":
                pass

    async def _run(self, action: Action) -> None:
        assert action.wanted is not None
        found = action.deployed.id if action.deployed else (await self._named(action.deployment))["id"]
        key = f"push {action.wanted.push_digest} {found}"
        body = {
            "idempotency_key": key,
            "tags": [PUSH, action.wanted.push_digest],
            "state": {"type": SCHEDULED},
        }
        await self._post(f"/deployments/{found}/create_flow_run", body)

    async def _body(self, action: Action, desired: Desired) -> dict[str, Any]:
        shape, was = action.shape, action.deployed
        assert shape is not None
        by_hand = was is not None and was.paused and not was.shape.suspended
        assert action.wanted is not None
        of_day = action.wanted.is_game_day
        repository, path, name = shape.target
        schedule = {"cron": shape.cron, "timezone": shape.timezone}
        return {
            "name": action.deployment,
            "flow_id": await self._flow_id(GAME_DAY if of_day else experiment.name),
            "description": shape.description,
            "tags": list(shape.tags),
            "paused": shape.suspended or by_hand,
            "schedules": [{"schedule": schedule, "active": True, "slug": _SLUG}] if shape.cron else [],
            "parameters": {
                "manifest": path,
                "name": name,
                "repository": repository,
                "commit": desired.commit,
                "out": self.out,
                "spec_digest": action.wanted.spec_digest,
            },
            "parameter_openapi_schema": _day_parameters() if of_day else _parameters(),
            "enforce_parameter_schema": True,
            "entrypoint": _DAY_ENTRY if of_day else "flows.experiment.experiment",
            "work_pool_name": POOL,
            "job_variables": RUNNER,
            "concurrency_limit": 1,
            "version": desired.commit[:12],
            "labels": {
                _REPOSITORY: desired.repository,
                _DIGEST: shape.push_digest,
                _SUSPENDED: shape.suspended,
                _SHAPE: shape.mark,
                "chaoslab.path": path,
                "chaoslab.commit": desired.commit,
            },
        }

    async def _flow_id(self, name: str) -> str:
        if name not in self._flow_ids:
            self._flow_ids[name] = str(await self.client.create_flow_from_name(name))
        return self._flow_ids[name]

    async def _named(self, name: str) -> dict[str, Any]:
        answer = await self.client.request("GET", f"/deployments/name/{experiment.name}/{name}")  # type: ignore[arg-type]
        found: dict[str, Any] = answer.json()
        return found

    async def _runs(self, deployments: Iterable[Deployed]) -> dict[tuple[str, str], PushRun]:
        names = {each.id: each.name for each in deployments}
        if not names:
            return {}
        wanted = {
            "deployments": {"id": {"any_": sorted(names)}},
            "flow_runs": {"tags": {"all_": [PUSH]}},
            "sort": "START_TIME_ASC",
        }
        runs: dict[tuple[str, str], PushRun] = {}
        for each in await self._pages("/flow_runs/filter", wanted):
            state = pushed_as(each["state_type"])
            for digest in (tag for tag in each["tags"] if tag.startswith("sha256:")):
                runs[names[each["deployment_id"]], digest] = PushRun(each["id"], state)
        return runs

    async def _pages(self, path: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = await self._post(path, {**wanted, "limit": _PAGE, "offset": len(found)})
            found += page
            if len(page) < _PAGE:
                return found

    async def _post(self, path: str, body: object) -> Any:
        answer = await self.client.request("POST", path, json=body)  # type: ignore[arg-type]
        return answer.json() if answer.content else None


@cache
def _parameters() -> dict[str, Any]:
    """What a person may choose for one run; the manifest and its commit are the repository's to say."""
    return standing.form(experiment, only=("hold", "intensity", "seed"))


@cache
def _day_parameters() -> dict[str, Any]:
    from flows.game_day.flow import game_day  # reports and all; only wanted where there is a day

    return standing.form(game_day, only=("anytime",))


def _id(action: Action) -> str:
    assert action.deployed is not None
    return action.deployed.id


def _deployed(answer: Mapping[str, Any]) -> Deployed:
    labels, parameters = answer.get("labels") or {}, answer.get("parameters") or {}
    cron, timezone = _schedule(answer.get("schedules") or [])
    shape = Shape(
        description=answer.get("description") or "",
        tags=tuple(sorted(answer.get("tags") or [])),
        cron=cron,
        timezone=timezone,
        target=(
            str(parameters.get("repository") or ""),
            str(parameters.get("manifest") or ""),
            str(parameters.get("name") or ""),
        ),
        push_digest=str(labels.get(_DIGEST) or ""),
        suspended=labels.get(_SUSPENDED) is True,
    )
    return Deployed(
        id=answer["id"],
        name=answer["name"],
        repository=str(labels.get(_REPOSITORY) or ""),
        shape=shape,
        paused=bool(answer.get("paused")),
        commit=str(parameters.get("commit") or ""),
        applied=str(labels.get(_SHAPE) or ""),
        game_day=answer.get("entrypoint") == _DAY_ENTRY,
    )


def _schedule(schedules: Sequence[Mapping[str, Any]]) -> tuple[str | None, str]:
    """Cron and zone when there is just one that is on; anything that the repository would not make is no cron."""
    if not schedules:
        return None, "UTC"
    first = schedules[0]
    if len(schedules) == 1 and first.get("active") and "cron" in first.get("schedule", {}):
        return str(first["schedule"]["cron"]), str(first["schedule"].get("timezone") or "UTC")
    return f"{len(schedules)} schedules, changed by hand", "UTC"
