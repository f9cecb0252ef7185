"""What a run left behind: result, charts, log lines, plan, files; and two of them beside each other."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from chaos.analysis.moments import iso
from chaos.analysis.result import Result
from chaos.explain.comparison import compare
from chaos.runs.directory import Run
from flows.console import answers, charts
from flows.console.desk import Desk, DeskOf, RunId
from flows.console.files import FILES, Piece, files_of, piece_of
from flows.console.finding import Found
from flows.console.malformed import MALFORMED
from flows.console.people import Person, needs
from flows.console.problems import Refused
from flows.console.routes_runs import seen_now
from flows.console.viewing import BASE

router = APIRouter(tags=["runs"])
Viewer = Annotated[Person, Depends(needs("read"))]
_MOST_LINES = 500


@router.get("/runs/{id}/result", operation_id="get_result", responses={200: {"model": Result}})
async def get_result(id: RunId, person: Viewer, desk: DeskOf) -> Response:
    """`result.json` as it is."""
    text = await desk.finder.result_text(await desk.finder.find(id))
    return Response(text, media_type="application/json")


@router.get("/runs/{id}/series", operation_id="get_series")
async def get_series(
    id: RunId, person: Viewer, desk: DeskOf, points: Annotated[int, Query(ge=10, le=3000)] = 600
) -> answers.Series:
    """Its charts so far; of several trials, the one that the result is about, or the one under way."""
    found = await desk.finder.find(id)
    return await series_of(desk, found, points)


async def series_of(desk: Desk, found: Found, points: int) -> answers.Series:
    """The charts of a run. Raises Refused."""
    run = desk.finder.folder(found)
    result = await desk.result_or_none(found) if found.ended else None
    return await asyncio.to_thread(charts.series_of, run, result, points)


@router.get("/runs/{id}/logs", operation_id="get_logs")
async def get_logs(
    id: RunId,
    person: Viewer,
    desk: DeskOf,
    process: Annotated[str | None, Query(max_length=200)] = None,
    stream: Annotated[str | None, Query(max_length=20)] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> answers.LogPage:
    """Lines that the target wrote, in their order; `after` is the `next` of the page before."""
    found = await desk.finder.find(id)
    return await asyncio.to_thread(_lines, desk.finder.folder(found), process, stream, q, after)


def _lines(run: Run, process: str | None, stream: str | None, q: str | None, after: int) -> answers.LogPage:
    items: list[answers.TargetLine] = []
    for n, event in enumerate(charts.events_of(run), start=1):
        if n <= after or event.type != "log.captured":
            continue
        data = event.data
        line = charts.shown_line(data.get("line"))
        if (process and data.get("process") != process) or (stream and data.get("stream") != stream):
            continue
        if q and q.lower() not in line.lower():
            continue
        if len(items) == _MOST_LINES:
            return answers.LogPage(items=items, next=items[-1].n)
        said = {name: charts.shown_line(data.get(name)) for name in ("process", "stream")}
        items.append(answers.TargetLine(n=n, at=iso(event.at), line=line, **said))
    return answers.LogPage(items=items)


@router.get("/runs/{id}/plan", operation_id="get_plan")
async def get_plan(id: RunId, person: Viewer, desk: DeskOf) -> answers.PlanView:
    """What it does, or did, as its journal begins with it."""
    found = await desk.finder.find(id)
    run = desk.finder.folder(found)
    told = await asyncio.to_thread(desk.finder.journals.told, run)
    if told is None or not told.order:
        raise Refused("not-finished", "its journal has not begun", retry_after_s=1)
    plan: dict[str, Any] = {key: value for key, value in told.order.items() if key not in ("python", "app")}
    try:
        return answers.PlanView(
            experiment=told.plan.experiment,
            words="",
            digest=told.plan.digest or None,
            seed=told.seed,
            declared_s=told.plan.declared_s,
            plan=plan,
        )
    except MALFORMED as error:
        raise Refused("conflict", "its journal says what no journal of ChaosLab does") from error


@router.get("/runs/{id}/artifacts", operation_id="list_artifacts")
async def list_artifacts(id: RunId, person: Viewer, desk: DeskOf) -> answers.Artifacts:
    """The files of a run that are here."""
    found = await desk.finder.find(id)
    run = desk.finder.folder(found)
    there = await asyncio.to_thread(files_of, run.folder)
    return answers.Artifacts(
        items=[
            answers.Artifact(
                name=name, bytes=size, whole=found.ended, href=f"{BASE}/runs/{found.id}/artifacts/{name}"
            )
            for name, size in there
        ]
    )


@router.get(
    "/runs/{id}/artifacts/{name}",
    operation_id="get_artifact",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, 206: {"description": "A piece of it"}},
)
async def get_artifact(
    id: RunId,
    name: Annotated[str, Path(max_length=100)],
    person: Viewer,
    desk: DeskOf,
    range_: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
) -> Response:
    """One file, or a piece of it; a report is shown in a sandbox of its own."""
    if name not in FILES:
        raise Refused("not-found", f"no file of a run is called so; known: {', '.join(FILES)}")
    found = await desk.finder.find(id)
    piece: Piece = await asyncio.to_thread(piece_of, desk.finder.folder(found).folder, name, range_)
    return piece.response(forever=found.ended)


@router.get("/compare", operation_id="compare_runs")
async def compare_runs(
    person: Viewer,
    desk: DeskOf,
    a: Annotated[str, Query(max_length=300)],
    b: Annotated[str, Query(max_length=300)],
) -> answers.Comparison:
    """Two runs beside each other: what changed from `a` to `b`, beyond noise."""
    found = [await desk.finder.find(each) for each in (a, b)]
    first, second = [await desk.finder.result(each) for each in found]
    said = await asyncio.to_thread(compare, second, first)
    views = [await seen_now(desk, each) for each in found]
    shown = {key: await series_of(desk, each, 600) for key, each in zip("ab", found, strict=True) if each.run}
    return answers.Comparison(
        a=answers.RunSummary(**views[0].model_dump(include=set(answers.RunSummary.model_fields))),
        b=answers.RunSummary(**views[1].model_dump(include=set(answers.RunSummary.model_fields))),
        same_digest=first.digest == second.digest,
        changes=said.changes,
        unseen=said.unseen,
        numbers=charts.numbers_beside(first, second),
        series=shown,
        zero={key: each.faults[0][1] if each.faults else None for key, each in shown.items()},
    )
