"""Runs: started, listed, looked at, stopped, repeated."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Response

from chaos.history.errors import BadCursor
from chaos.history.models import Filters
from flows.console import answers
from flows.console.asked import Again, Start, Stop
from flows.console.desk import Desk, DeskOf, RunId
from flows.console.finding import Found, asked
from flows.console.people import Person, needs
from flows.console.problems import Refused
from flows.console.viewing import ms_of, started, state_of, summary, view
from flows.console.waiting import waits_for
from flows.prefect.states import PENDING, SCHEDULED

router = APIRouter(tags=["runs"])
Viewer = Annotated[Person, Depends(needs("read"))]
Operator = Annotated[Person, Depends(needs("operate"))]
Key = Annotated[
    str | None, Header(alias="Idempotency-Key", description="1 to 128 visible characters of ASCII.")
]
Word = Annotated[str | None, Query(max_length=200)]
Moment = Annotated[str | None, Query(max_length=40, description="RFC 3339")]


@router.post("/runs", operation_id="start_run", status_code=202)
async def start_run(
    body: Start, person: Operator, desk: DeskOf, response: Response, key: Key = None
) -> answers.Started:
    """Start a run; with an Idempotency-Key, once."""
    desk.may_start(person)
    begun = await desk.starter.start(body, person, key)
    return await answer_started(desk, begun.flow_run, begun.experiment, response, new=begun.new)


async def answer_started(
    desk: Desk, flow_run: Any, experiment: str, response: Response, *, new: bool
) -> answers.Started:
    """202 and where it is; 200 when the same request had begun it before."""
    waiting = (
        await waits_for(desk.conductor, flow_run)
        if flow_run.get("state_type") in (SCHEDULED, PENDING)
        else None
    )
    made = started(flow_run, experiment, waiting, desk.conductor)
    desk.observer.changed()
    response.status_code = 202 if new else 200
    response.headers["location"] = made.links.self
    return made


def _filters(
    experiment: Word = None,
    repository: Word = None,
    verdict: Word = None,
    outcome: Word = None,
    fault: Word = None,
    label: Annotated[list[str] | None, Query(max_length=10, description="key:value")] = None,
    state: Literal["live", "ended"] | None = None,
    since: Moment = None,
    until: Moment = None,
    q: Word = None,
    game_day: Word = None,
) -> Filters:
    """Which runs are meant."""
    pairs = [each.partition(":") for each in label or ()]
    if wrong := next((each for each in pairs if not each[1]), None):
        raise Refused("bad-request", f"label: expected key:value, got {wrong[0][:60]!r}")
    times = {"since": since, "until": until}
    for name, text in times.items():
        if text is not None and ms_of(text) is None:
            raise Refused("bad-request", f"{name}: expected a time such as 2026-11-30T12:00:00Z")
    return Filters(
        experiment=experiment,
        repository=repository,
        verdict=verdict,
        outcome=outcome,
        fault=fault,
        labels=tuple((key, value) for key, _, value in pairs),
        state=state,
        since_ms=ms_of(since),
        until_ms=ms_of(until),
        q=q,
        game_day=game_day,
    )


Meant = Annotated[Filters, Depends(_filters)]


@router.get("/runs", operation_id="list_runs")
async def list_runs(
    person: Viewer,
    desk: DeskOf,
    filters: Meant,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> answers.RunPage:
    """Runs, newest first, wherever they were started; `next` is the cursor of what follows."""
    await desk.observer.look()
    try:
        page = await asyncio.to_thread(desk.history.page, filters, limit, cursor)
    except BadCursor as error:
        raise Refused("bad-request", f"cursor: {error}") from error
    return answers.RunPage(items=[summary(each, desk.conductor) for each in page.items], next=page.next)


@router.get("/runs/count", operation_id="count_runs")
async def count_runs(person: Viewer, desk: DeskOf, filters: Meant) -> answers.Counted:
    """How many runs there are of those that are meant."""
    await desk.observer.look()
    found = await asked(desk.history.counts, filters)
    return answers.Counted(
        total=found.total, live=found.live, verdicts=dict(found.verdicts), outcomes=dict(found.outcomes)
    )


@router.get("/runs/{id}", operation_id="get_run")
async def get_run(id: RunId, person: Viewer, desk: DeskOf) -> answers.Run:
    """The run now."""
    return await run_now(desk, id)


async def run_now(desk: Desk, id: str) -> answers.Run:
    """What is known of it at this moment. Raises Refused."""
    return await seen_now(desk, await desk.finder.find(id))


async def seen_now(desk: Desk, found: Found) -> answers.Run:
    """The same of a run that has been found."""
    told = await desk.finder.told(found)
    result = await desk.result_or_none(found)
    queued = state_of(found) == "queued" and found.flow_run is not None
    waiting = await waits_for(desk.conductor, found.flow_run or {}) if queued else None
    return view(found, told, result, waiting, desk.conductor)


@router.post("/runs/{id}/stop", operation_id="stop_run", status_code=202)
async def stop_run(id: RunId, body: Stop, person: Operator, desk: DeskOf) -> answers.Run:
    """Have a run undo its fault and end; the reason goes into its result."""
    found = await desk.finder.find(id)
    if found.ended:
        raise Refused("already-ended", "the run has ended")
    said = f"{person.name}: {body.reason}" if body.reason else f"{person.name} stopped it"
    if found.flow_run is not None:
        await desk.conductor.cancel(found.flow_run["id"], said)
    elif not await asyncio.to_thread(desk.end_here, found.run_id):
        raise Refused("already-ended", "its process is ending, or has ended")
    desk.observer.changed()
    return await run_now(desk, id)


@router.post("/runs/{id}/again", operation_id="repeat_run", status_code=202)
async def repeat_run(
    id: RunId, body: Again, person: Operator, desk: DeskOf, response: Response, key: Key = None
) -> answers.Started:
    """Start the same once more: the same parameters, and the same commit where it was pinned."""
    desk.may_start(person)
    found = await desk.finder.find(id)
    if found.flow_run is None or not found.flow_run.get("deployment_id"):
        raise Refused("conflict", "it was not a run of a deployment; start it as it was started")
    deployment = str(found.flow_run["deployment_id"])
    if await desk.conductor.deployment_by_id(deployment) is None:
        raise Refused("conflict", "its deployment is no more")
    parameters = {
        key: value for key, value in (found.flow_run.get("parameters") or {}).items() if value is not None
    }
    if body.same_seed:
        told = await desk.finder.told(found)
        result = await desk.result_or_none(found)
        seed = result.seed if result else told.seed if told else None
        if seed is None:
            raise Refused("conflict", "its seed is not known: its files are not here")
        parameters["seed"] = seed
    desk.may_repeat(parameters)
    now = await seen_now(desk, found)
    begun = await desk.starter.begin(
        deployment, parameters, now.experiment, person, key, f"again {found.id} {body.model_dump_json()}"
    )
    return await answer_started(desk, begun.flow_run, now.experiment, response, new=begun.new)
