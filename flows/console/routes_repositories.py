"""What repositories hold: experiments, how they went, game days and their questions."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from chaos.history.models import DayRow, DayRunRow, ExperimentRow, Summary
from flows.console import answers
from flows.console.asked import Decision, Registered, Suspend
from flows.console.conductor import Conductor, away
from flows.console.desk import Desk, DeskOf
from flows.console.finding import as_uuid, asked
from flows.console.people import Person, needs
from flows.console.problems import Refused
from flows.console.routes_runs import run_now
from flows.console.starting import called, repository_of, short
from flows.console.viewing import iso_ms, summary
from flows.experiment.flow import experiment
from flows.gitops.status import Repositories, look
from flows.prefect.progress import API_FAILURES
from flows.prefect.states import PAUSED

router = APIRouter(tags=["repositories"])
Viewer = Annotated[Person, Depends(needs("read"))]
Operator = Annotated[Person, Depends(needs("operate"))]
Repository = Annotated[str, Path(max_length=200, description="Its address, or the last part of it.")]
Name = Annotated[str, Path(max_length=200)]


async def _looked(conductor: Conductor) -> Repositories:
    try:
        return await look(conductor.client)
    except API_FAILURES as error:
        raise away(error) from error


@router.get("/repositories", operation_id="list_repositories")
async def list_repositories(person: Viewer, desk: DeskOf) -> answers.Repositories:
    """What `chaoslab status --json` says of repositories."""
    found = await _looked(desk.conductor)
    items: list[dict[str, Any]] = []
    for account, rows in found:
        plain = {key: value for key, value in asdict(account).items() if key != "runs"}
        items.append({**plain, "experiments": [each.to_json() for each in rows]})
    return answers.Repositories(items=json.loads(json.dumps(items, default=str)))


@router.get("/experiments", operation_id="list_experiments")
async def list_experiments(person: Viewer, desk: DeskOf) -> answers.Experiments:
    """Every experiment that is deployed or ever ran, with its last run and its score."""
    await desk.observer.look()
    return answers.Experiments(items=list((await _experiments(desk)).values()))


async def _experiments(desk: Desk) -> dict[tuple[str | None, str], answers.ExperimentView]:
    ran = {(each.repository, each.experiment): each for each in await asked(desk.history.experiments)}
    found: dict[tuple[str | None, str], answers.ExperimentView] = {}
    for account, rows in await _looked(desk.conductor):
        for row in rows:
            key = (account.repository, row.name)
            view = _ran(desk, ran.pop(key, None), *key)
            view.path, view.digest, view.sync = row.path, row.digest, row.sync
            view.conditions = [asdict(each) for each in row.conditions]
            found[key] = view
    for each in await desk.conductor.deployments(experiment.name):
        if known := found.get((repository_of(each) or None, called(each))):
            known.suspended, known.schedule = bool(each.get("paused")), _cron(each)
    return found | {key: _ran(desk, row, *key) for key, row in ran.items()}


def _ran(desk: Desk, row: ExperimentRow | None, repository: str | None, name: str) -> answers.ExperimentView:
    if row is None:
        return answers.ExperimentView(name=name, repository=repository)
    return answers.ExperimentView(
        name=name,
        repository=repository,
        last_run=summary(Summary(run=row.last), desk.conductor),
        runs=row.runs,
        score=row.held / row.proven if row.proven else None,
        coverage=row.proven / row.of if row.of else None,
    )


def _cron(deployment: Mapping[str, Any]) -> str | None:
    schedules = deployment.get("schedules") or [{}]
    return (schedules[0].get("schedule") or {}).get("cron")


@router.get("/experiments/{repository}/{name}", operation_id="get_experiment")
async def get_experiment(
    repository: Repository, name: Name, person: Viewer, desk: DeskOf
) -> answers.ExperimentView:
    """One of them. `-` as the repository: of none."""
    await desk.observer.look()
    key = await _key(desk, repository, name)
    return (await _experiments(desk))[key]


async def _key(desk: Desk, repository: str, name: str) -> tuple[str | None, str]:
    for key in await _experiments(desk):
        owner = key[0]
        if key[1] == name and (repository == "-" if owner is None else repository in (owner, short(owner))):
            return key
    raise Refused("not-found", "there is no such experiment; `GET /api/v1/experiments` lists them")


@router.get("/experiments/{repository}/{name}/trend", operation_id="get_trend")
async def get_trend(
    repository: Repository,
    name: Name,
    person: Viewer,
    desk: DeskOf,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> answers.Trend:
    """Its last runs that ended, oldest first."""
    await desk.observer.look()
    owner, name = await _key(desk, repository, name)
    points = await asked(desk.history.trend, name, limit, owner)
    items = []
    for point in points:
        said = {key: value for key, value in asdict(point).items() if key in answers.TrendPoint.model_fields}
        items.append(answers.TrendPoint(**said, created_at=iso_ms(point.created_ms) or ""))
    return answers.Trend(items=items)


@router.patch("/experiments/{repository}/{name}", operation_id="suspend_experiment")
async def suspend_experiment(
    repository: Repository, name: Name, body: Suspend, person: Operator, desk: DeskOf
) -> answers.ExperimentView:
    """Have its schedule rest, or go on."""
    where = None if repository == "-" else repository
    found = await desk.starter.registered(experiment.name, Registered(name=name, repository=where))
    await desk.conductor.suspend(str(found["id"]), suspended=body.suspended)
    key = (repository_of(found) or None, called(found))
    view = (await _experiments(desk)).get(key) or answers.ExperimentView(name=key[1], repository=key[0])
    view.suspended = body.suspended
    return view


@router.get("/game-days", operation_id="list_game_days")
async def list_game_days(
    person: Viewer, desk: DeskOf, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> answers.GameDays:
    """Game days that ended, newest first."""
    await desk.observer.look()
    return answers.GameDays(items=[_day(each, ()) for each in await asked(desk.history.days, limit)])


@router.get("/game-days/{id}", operation_id="get_game_day")
async def get_game_day(
    id: Annotated[str, Path(max_length=300)], person: Viewer, desk: DeskOf
) -> answers.GameDay:
    """One, with its runs and what was decided between them."""
    await desk.observer.look()
    found = await asked(desk.history.day, id)
    if found is None:
        raise Refused("not-found", "there is no game day with this id")
    return _day(*found)


def _day(row: DayRow, runs: tuple[DayRunRow, ...]) -> answers.GameDay:
    return answers.GameDay(
        id=row.id,
        name=row.name,
        verdict=row.verdict,
        score=row.score,
        coverage=row.coverage,
        started_at=iso_ms(row.started_ms) or "",
        ended_at=iso_ms(row.ended_ms),
        state=row.state,
        runs=[asdict(each) for each in runs],
        fold=json.loads(row.fold) if row.fold else None,
    )


@router.post("/game-days/{id}/decision", operation_id="decide", status_code=202)
async def decide(
    id: Annotated[str, Path(max_length=100, description="The UUID of the flow run that waits.")],
    body: Decision,
    person: Operator,
    desk: DeskOf,
) -> answers.Run:
    """Answer what a game day asks; whoever asks here is who decided."""
    uuid = as_uuid(id)
    run = await desk.conductor.run(uuid) if uuid else None
    if run is None:
        raise Refused("not-found", "there is no flow run with this id")
    if run.get("state_type") != PAUSED:
        raise Refused("conflict", "it waits for nobody now")
    said = await desk.conductor.resume(run["id"], {"go": body.go, "who": person.name, "why": body.why})
    if said.get("status") not in (None, "ACCEPT"):
        raise Refused("conflict", f"Prefect refuses: {(said.get('details') or {}).get('reason')}")
    return await run_now(desk, run["id"])
