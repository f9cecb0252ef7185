"""Kill switch administration: turn the variable on or off, and list who still runs."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from time import monotonic
from typing import Any, TypeVar

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound

from chaos.runs import kill_switch as switch
from chaos.runs.kill_switch import Halt
from flows.prefect.kill_switch import VARIABLE, halted_by
from flows.prefect.progress import API_FAILURES
from flows.server import api as server
from flows.server.local import speaking_to

T = TypeVar("T")

_FLOWS = ["experiment", "ad-hoc", "game-day"]
_RUNNING = FlowRunFilter(
    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.CANCELLING]))
)
_LOOK_EVERY_S = 0.25


def api_in_use() -> str | None:
    """The API that runs report to; None when there is no server at all. Starts none. Raises ServerError."""
    now = server.status()
    url = now.configured or now.local
    if url is not None and not now.answers:
        raise server.ServerError(
            f"the Prefect API {url} does not answer: only this machine is told; once more when it does"
        )
    return url


def turn_on(url: str, halt: Halt) -> None:
    """Tell all machines. Raises ServerError."""
    _at(url, lambda: _turn_on(halt))


def turn_off(url: str) -> bool:
    """Tell all machines; whether it was on. Raises ServerError."""
    return _at(url, _turn_off)


def halted(url: str | None) -> Halt | None:
    """Why nothing may begin: by this machine's switch, or that of the API, if there is one. Raises ServerError."""
    return switch.halted() or (_at(url, _halted) if url else None)


def until_ended(url: str, patience_s: float) -> Sequence[str]:
    """Wait for the flow runs that are under way; the names of those that are after that long. Raises ServerError."""
    return _at(url, lambda: _until_ended(patience_s))


async def _halted() -> Halt | None:
    async with get_client() as client:
        return await halted_by(client)


async def _turn_on(halt: Halt) -> None:
    async with get_client() as client:
        if await client.read_variable_by_name(VARIABLE) is not None:
            await client.update_variable(VariableUpdate(name=VARIABLE, value=halt.to_json()))
        else:
            await client.create_variable(VariableCreate(name=VARIABLE, value=halt.to_json()))


async def _turn_off() -> bool:
    async with get_client() as client:
        try:
            await client.delete_variable_by_name(VARIABLE)
        except ObjectNotFound:
            return False
    return True


async def _until_ended(patience_s: float) -> list[str]:
    until = monotonic() + patience_s
    async with get_client() as client:
        while True:
            runs = await client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=_FLOWS)), flow_run_filter=_RUNNING
            )
            if not runs or monotonic() > until:
                return [run.name for run in runs]
            await asyncio.sleep(_LOOK_EVERY_S)


def _at(url: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
    with speaking_to(url):
        try:
            return asyncio.run(ask())
        except API_FAILURES as error:
            raise server.ServerError(f"the Prefect API {url} failed: {error}") from error
