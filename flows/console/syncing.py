"""A repository brought in line on request: by the deployment that follows it, or as a list of what that would do."""

import json
from asyncio import to_thread
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaos.errors import ChaosLabError
from chaos.gitops.repository.source import Source, SourceError
from chaos.text.inert import inert
from flows.console import answers
from flows.console.conductor import Conductor, away
from flows.console.people import Person
from flows.console.problems import Refused
from flows.console.starting import short
from flows.gitops.flow import reconcile
from flows.gitops.reconciler import reconcile as in_line
from flows.prefect.labels import BY
from flows.prefect.progress import API_FAILURES
from flows.prefect.states import SCHEDULED
from flows.repositories.mirrors import mirror_of


async def synced(conductor: Conductor, name: str, person: Person, *, dry_run: bool) -> answers.Synced:
    """Raises Refused."""
    deployment, repository = await _follower(conductor, name)
    parameters = deployment.get("parameters") or {}
    if dry_run:
        return await _would(repository, parameters)
    body = {
        "parameters": {"repositories": [repository]},
        "state": {"type": SCHEDULED},
        "labels": {BY: f"console: {person.name}"},
    }
    run, _ = await conductor.start(str(deployment["id"]), body)
    return answers.Synced(dry_run=False, flow_run=str(run["id"]), prefect=conductor.page(str(run["id"])))


async def _follower(conductor: Conductor, name: str) -> tuple[Mapping[str, Any], str]:
    """The deployment that follows a repository, and what it calls that. Raises Refused."""
    for each in await conductor.deployments(reconcile.name):
        for repository in (each.get("parameters") or {}).get("repositories") or ():
            with suppress(SourceError):
                known = Source.parse(str(repository)).name
                if name in (known, short(known), repository):
                    return each, str(repository)
    raise Refused("not-found", "no deployment follows this repository; `chaoslab gitops schedule` makes one")


async def _would(repository: str, parameters: Mapping[str, Any]) -> answers.Synced:
    """What a reconciliation would do. Raises Refused."""
    source = Source.parse(repository, signed=bool(parameters.get("require_signed")))
    try:
        mirror = await to_thread(mirror_of, source)
        done = await in_line(mirror, Path(str(parameters.get("out") or "runs")), sweep=True, dry_run=True)
    except API_FAILURES as error:
        raise away(error) from error
    except ChaosLabError as error:
        raise Refused("conflict", f"it cannot be read from here: {inert(str(error))}") from error
    said = [{"kind": each.kind, "name": each.name, "why": inert(each.why)} for each in done.actions]
    return answers.Synced(dry_run=True, commit=done.commit, actions=json.loads(json.dumps(said, default=str)))
