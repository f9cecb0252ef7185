"""Live dashboard of a run in progress: sent beside the run, never before it."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from chaos.errors import PublishError
from chaos.host.import_lock import ONE_AT_A_TIME

if TYPE_CHECKING:
    from chaos.analysis.result import Delivery
    from chaos.planning.plan import Plan
    from chaos.runs.directory import Run

_NICE = 5
"""The app under experiment may share this machine: its baseline is not to feel that a dashboard is delivered."""


class Live:
    """What came of it, when the run is over."""

    link: str | None = None
    delivery: "Delivery | None" = None
    """None when no Grafana is configured."""


@asynccontextmanager
async def watched(plan: "Plan", run: "Run", on_link: Callable[[str], None]) -> AsyncIterator[Live]:
    """Deliver it while the block lasts; `on_link` hears where it is. Waits at its end for at most the time that a
    delivery may take, counted from the beginning."""
    live = Live()
    work = asyncio.create_task(asyncio.to_thread(_deliver, plan, run, live))

    def said(_: "asyncio.Task[None]") -> None:
        if live.link:
            on_link(live.link)

    work.add_done_callback(said)
    try:
        yield live
    finally:
        await asyncio.shield(work)


def _deliver(plan: "Plan", run: "Run", live: Live) -> None:
    with contextlib.suppress(OSError):  # some sandboxes of CI systems forbid even that
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    with ONE_AT_A_TIME:
        from chaos.publish.grafana import configured
        from chaos.settings import Settings

    settings = Settings()
    try:
        server = configured(settings)
        if server is None:
            return
        with ONE_AT_A_TIME:
            from chaos.publish.dashboard import announce, rendered_dashboard
            from chaos.publish.grafana.session import prepare

        prepare()
        drawn = rendered_dashboard(None, {"plan": plan.order(run.id), "dashboard": plan.dashboard})
        live.link, live.delivery = announce(run.id, drawn, plan.name, server, settings)
    except PublishError as error:
        from chaos.analysis.result import Delivery

        live.delivery = Delivery(complete=False, why=str(error))
