"""The console itself and the switch: health, version, who am I, halt."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends

from chaos import __version__
from chaos.errors import ChaosLabError
from chaos.runs import kill_switch as switch
from chaos.runs.kill_switch import Halt
from chaos.text.inert import inert
from flows.console import answers
from flows.console.asked import Stop
from flows.console.conductor import names
from flows.console.desk import DeskOf
from flows.console.people import Person, needs
from flows.console.problems import Refused
from flows.prefect import kill_switch_admin as switching
from flows.prefect.states import PAUSED, PENDING, RUNNING

router = APIRouter(tags=["house"])
Viewer = Annotated[Person, Depends(needs("read"))]
Halting = Annotated[Person, Depends(needs("halt"))]
_RIGHTS = ("read", "operate", "halt", "upload")


@router.get("/health", operation_id="health")
async def health() -> answers.Health:
    """Whether the console answers. For everybody."""
    return answers.Health()


@router.get("/version", operation_id="version")
async def version() -> answers.Version:
    """What answers. For everybody."""
    return answers.Version(version=__version__)


@router.get("/session", operation_id="who_am_i")
async def who_am_i(person: Viewer) -> answers.Me:
    """Who asks, and what that one may do."""
    return answers.Me(
        name=person.name, role=person.role, rights=[each for each in _RIGHTS if person.may(each)]
    )


@router.get("/halt", operation_id="get_halt")
async def get_halt(person: Viewer, desk: DeskOf) -> answers.HaltView:
    """Whether experiments are halted, by whom, and why."""
    return _view(switch.halted() or await desk.conductor.halted(), [])


@router.put("/halt", operation_id="halt")
async def halt(body: Stop, person: Halting, desk: DeskOf) -> answers.HaltView:
    """The big red switch: every running experiment undoes its fault and ends; none begins until it is off again."""
    try:
        made = await asyncio.to_thread(switch.halt, body.reason, f"console: {person.name}")
        await asyncio.to_thread(switching.turn_on, desk.api_url, made)
    except ChaosLabError as error:
        raise Refused("conflict", f"not every machine is told: {error}") from error
    ending = await desk.conductor.runs({"state": {"type": {"any_": [RUNNING, PENDING, PAUSED]}}})
    return _view(made, names(ending))


@router.delete("/halt", operation_id="resume")
async def resume(person: Halting, desk: DeskOf) -> answers.HaltView:
    """Let experiments begin again."""
    _only_where_it_may_change(person)
    try:
        await asyncio.to_thread(switch.resume)
        await asyncio.to_thread(switching.turn_off, desk.api_url)
    except ChaosLabError as error:
        raise Refused("conflict", f"not every machine is told: {error}") from error
    return _view(switch.halted() or await desk.conductor.halted(), [])


def _only_where_it_may_change(person: Person) -> None:
    if person.read_only:
        raise Refused("forbidden", "this console was started with --read-only: it halts, and does not resume")


def _view(found: Halt | None, ending: list[str]) -> answers.HaltView:
    if found is None:
        return answers.HaltView(halted=False)
    said = {name: inert(getattr(found, name)) for name in ("reason", "by", "at")}
    return answers.HaltView(halted=True, ending=[inert(each) for each in ending], **said)
