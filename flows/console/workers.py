"""Workers, each with what its machine says of itself."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.text.inert import inert
from flows.console import answers
from flows.console.conductor import Conductor
from flows.prefect.examinations import read

_SILENT_AFTER_S = 90.0
"""A worker says every 30 s that it is there."""


def is_online(worker: Mapping[str, Any]) -> bool:
    """Whether a worker said lately that it is there."""
    heard = worker.get("last_heartbeat_time")
    if worker.get("status") == "OFFLINE" or not heard:
        return False
    silent = datetime.now(UTC) - datetime.fromisoformat(str(heard))
    return silent < timedelta(seconds=_SILENT_AFTER_S)


async def workers_of(conductor: Conductor) -> list[answers.Worker]:
    """All of the pool. Raises Refused."""
    found = await conductor.workers()
    known = [(*read(each), each.get("created")) for each in await conductor.examinations()] if found else []
    return [_worker(each, known) for each in found]


def _worker(
    worker: Mapping[str, Any], known: list[tuple[dict[str, str], list[dict[str, str]], Any]]
) -> answers.Worker:
    """A worker is called after its machine; of another one there, the machine's checks hold as well."""
    name = str(worker.get("name"))
    made = answers.Worker(
        name=name,
        status="online" if is_online(worker) else "offline",
        last_heartbeat_at=worker.get("last_heartbeat_time"),
    )
    for facts, checks, at in known:
        if not (machine := facts.get("machine")) or machine != name.rpartition(" ")[0]:
            continue
        made.machine, made.examined_at = inert(machine), str(at) if at else None
        made.doctor = [
            answers.DoctorCheck(**{key: inert(value)[:1000] for key, value in each.items()})
            for each in checks
        ]
        if facts.get("worker") == name:
            slots = facts.get("slots", "")
            made.version = inert(facts.get("version", "")) or None
            made.slots = int(slots) if slots.isascii() and slots.isdigit() and len(slots) < 6 else None
    return made
