"""What can be asked without starting anything: faults, schema, validation, plans, workers."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from chaos.manifests.catalogue import catalogue
from chaos.manifests.schema import text as schema_text
from flows.console import answers
from flows.console.asked import Check, Start
from flows.console.checking import allowed, loaded_of, planned, validated
from flows.console.desk import DeskOf
from flows.console.people import Person, needs
from flows.console.problems import Refused
from flows.console.workers import workers_of

router = APIRouter(tags=["checks"])
Viewer = Annotated[Person, Depends(needs("read"))]


@router.get("/faults", operation_id="list_faults")
async def list_faults(person: Viewer) -> answers.Faults:
    """Every fault: what it does, its fields, its presets, by what it acts where."""
    found = await asyncio.to_thread(catalogue)
    return answers.Faults(items=[answers.FaultView(**each) for each in found.values()])


@router.get("/faults/{name}", operation_id="get_fault")
async def get_fault(name: Annotated[str, Path(max_length=100)], person: Viewer) -> answers.FaultView:
    """One of them."""
    found = await asyncio.to_thread(catalogue)
    if name not in found:
        raise Refused("not-found", f"there is no such fault; known: {', '.join(found)}")
    return answers.FaultView(**found[name])


@router.get("/schema", operation_id="get_schema", responses={200: {"content": {"application/json": {}}}})
async def get_schema(person: Viewer) -> Response:
    """The JSON schema of manifests, as `chaoslab schema` prints it."""
    return Response(await asyncio.to_thread(schema_text), media_type="application/json")


@router.post("/validate", operation_id="validate")
async def validate(body: Check, person: Viewer) -> answers.Validation:
    """What is wrong with these manifests: each problem with line and column."""
    return await asyncio.to_thread(validated, body.yaml)


@router.post("/plan", operation_id="plan")
async def plan(body: Start, person: Viewer, desk: DeskOf) -> answers.PlanView:
    """What such a start would do, and why it must not. Starts nothing.

    Of an experiment or a game day of a repository the commit is read by whoever runs it: here they are refused.
    """
    if body.experiment or body.game_day:
        raise Refused("conflict", "what a repository holds is planned where it is read: `chaoslab plan`")
    loaded = await asyncio.to_thread(loaded_of, body)
    allowed(body, loaded, desk.starter.adhoc)
    return await asyncio.to_thread(planned, loaded, body.seed)


@router.get("/workers", operation_id="list_workers")
async def list_workers(person: Viewer, desk: DeskOf) -> answers.Workers:
    """The workers of the pool: whether they were heard of lately, and what the machine of each can and cannot do."""
    return answers.Workers(items=await workers_of(desk.conductor))
