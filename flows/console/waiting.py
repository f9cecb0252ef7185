"""For what a run waits that has not begun: in words, with what to do about it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.runs import kill_switch as switch
from flows.console.conductor import Conductor, names
from flows.console.workers import workers_of
from flows.prefect.states import AWAITS_SLOT, CANCELLING, PAUSED, PENDING, RUNNING, SCHEDULED
from flows.worker.infrastructure import POOL


async def waits_for(conductor: Conductor, flow_run: Mapping[str, Any]) -> str:
    """One sentence. Raises Refused."""
    if halt := (switch.halted() or await conductor.halted()):
        return f"experiments to be let go on: {halt}"
    if due := _not_before(flow_run):
        return f"its time: {due}"
    if flow_run.get("state_name") == AWAITS_SLOT:
        return f"its turn: {await _in_front(conductor, flow_run)}"
    here = [each for each in await workers_of(conductor) if each.status == "online"]
    if not here:
        return f"a worker of the pool {POOL}: none is online; `chaoslab serve` starts one"
    if flow_run.get("state_type") == PENDING:
        return "its process to start"
    busy = names(await conductor.runs({"state": {"type": {"any_": [RUNNING, PENDING]}}}, 20))
    slots = [each.slots for each in here if each.slots is not None]
    if busy and len(slots) == len(here) and len(busy) >= sum(slots):
        return f"a slot: all {sum(slots)} are taken, by {', '.join(busy[:5])}"
    return f"a worker of the pool {POOL}" + (f"; under way: {', '.join(busy[:5])}" if busy else "")


async def _in_front(conductor: Conductor, flow_run: Mapping[str, Any]) -> str:
    states = {"type": {"any_": [RUNNING, CANCELLING, PAUSED]}}
    wanted = {"state": states, "deployment_id": {"any_": [flow_run.get("deployment_id")]}}
    return f"{', '.join(names(await conductor.runs(wanted, 5))) or 'another run'} goes first"


def _not_before(flow_run: Mapping[str, Any]) -> str | None:
    """When it is scheduled for, where that is not now."""
    due = flow_run.get("next_scheduled_start_time")
    if flow_run.get("state_type") != SCHEDULED or not due:
        return None
    return str(due) if datetime.fromisoformat(str(due)) > datetime.now(UTC) + timedelta(seconds=5) else None
