"""Live metrics of a run: a thread that reads its journal and sends the samples.

Nothing of it is on the run's way. The store may be down, slow or hostile: the run does not notice, but for the wait at
its end, at most END_S for what is still to be sent and `exporting.LAST_S` for what its result says. The result says
what was not delivered; `chaoslab metrics push` does so later.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from chaos.host.import_lock import ONE_AT_A_TIME
from chaos.runs.directory import Run

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.publish.prometheus.exporting import Export

END_S = 3.0


@asynccontextmanager
async def exported(run: Run) -> AsyncIterator["Exporter"]:
    """Export what is written to the run's journal while the block lasts; nothing when no store is configured."""
    exporter = Exporter(run)
    exporter.begin()
    try:
        yield exporter
    finally:
        await asyncio.shield(exporter.end())


class Exporter:
    """Of one run, in a thread of its own that never keeps the program from ending."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="metrics", daemon=True)
        self._export: Export | None = None
        """None when there is no store to deliver to, or not yet."""
        self._configured = False

    def begin(self) -> None:
        """Start the thread; even what it needs is imported there."""
        self._thread.start()

    async def end(self) -> None:
        """The journal has all of the run: deliver the rest, within END_S."""
        if self._export is not None:
            self._export.give_up_at = time.monotonic() + END_S
        self._over.set()
        await asyncio.to_thread(self._thread.join, END_S)

    async def conclude(self, result: "Result") -> "Result":
        """Deliver what the result says; the result, saying what was delivered."""
        if self._export is None:
            return result if not self._configured else _unheard(self._run, result)
        return await asyncio.to_thread(self._export.conclude, result, too_slow=self._thread.is_alive())

    def _work(self) -> None:
        with ONE_AT_A_TIME:
            from chaos.settings import Settings

        settings = Settings()
        self._configured = settings.metrics_store is not None
        if self._configured:
            with ONE_AT_A_TIME:
                from chaos.publish.prometheus.exporting import Export

            self._export = Export(self._run, settings)
            self._export.work(self._over)


def _unheard(run: Run, result: "Result") -> "Result":
    """A run so short, on a machine so busy, that nothing had been sent when it was over."""
    from chaos.publish.prometheus.progress import PushProgress

    return result.model_copy(
        update={"delivery": {**result.delivery, "metrics": PushProgress().delivery(run)}}
    )
