"""Prefect events `chaoslab.…`, for automations, and notices, for people.

Nothing in here ever matters to a run: what cannot be told is a line in the log.
"""

import asyncio
from collections.abc import Callable

from prefect.events import emit_event
from prefect.logging import get_run_logger

from chaos.analysis.result import Result
from chaos.game_days.day import Day
from chaos.publish.notifications.notice import DayEvent, Notice, of_day, of_result
from chaos.publish.notifications.sending import send_notice

Log = Callable[[str], None]
_BESIDE: set[asyncio.Task[None]] = set()


async def notice_result(result: Result, log: Log) -> None:
    """Tell what became of a run; `log` hears who could not be told."""
    await _notice(of_result(result), log)


async def notify_of_abandoned(notice: Notice, flow_run: str | None, log: Log) -> None:
    """Tell in the stead of a process that died: nobody knows whether it had done so. The notice's id is the same."""
    await _notice(notice, log, [_related(flow_run)] if flow_run else None)


async def notice_day(event: DayEvent, day: Day, why: str = "", link: str | None = None) -> None:
    """Tell that a game day started, waits for a person (`why`: for what), or ended. `link` is its page in Prefect."""
    work = _notice(of_day(event, day, why, link), get_run_logger().warning)
    if event == "ended":
        await work
    else:  # the day goes on meanwhile
        beside = asyncio.create_task(work)
        _BESIDE.add(beside)
        beside.add_done_callback(_BESIDE.discard)


async def _notice(notice: Notice, log: Log, related: list[dict[str, str]] | None = None) -> None:
    _emit(notice, related)
    await send_notice(notice, log)


def _emit(notice: Notice, related: list[dict[str, str]] | None) -> None:
    """Prefect relates it to the flow run and its deployment by itself, and sends it from a thread of its own."""
    labels = {f"chaoslab.label.{key}": value for key, value in notice.labels.items()}
    emit_event(
        event=notice.event,
        resource={
            "prefect.resource.id": f"chaoslab.{notice.subject}.{notice.name}",
            "prefect.resource.name": notice.name,
            **labels,
        },
        related=related,
        payload={"run_id": notice.run_id, "title": notice.title, "why": notice.why, **notice.facts},
    )


def _related(flow_run: str) -> dict[str, str]:
    return {"prefect.resource.id": f"prefect.flow-run.{flow_run}", "prefect.resource.role": "flow-run"}
