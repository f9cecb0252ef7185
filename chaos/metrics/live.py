"""A run's metrics while it lasts: a thread beside it reads its journal and brings the samples to the store.

Nothing of it is on the run's way. The store may be down, slow or hostile: the run does not notice, but for the wait at
its end, at most END_S for what is still to be sent and LAST_S for what the result says. The result says what was not
delivered; `chaoslab metrics push` does so later.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from chaos.errors import ChaosLabError
from chaos.run import Run, write_whole

if TYPE_CHECKING:
    from chaos.measure.result import Result
    from chaos.metrics.courier import Courier
    from chaos.metrics.progress import Progress
    from chaos.settings import Settings

EVERY_S = 0.4
END_S = 3.0
LAST_S = 1.0
_LONGEST_PAUSE_S = 5.0


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
        self._give_up_at = float("inf")
        self._thread = threading.Thread(target=self._work, name="metrics", daemon=True)
        self._progress: Progress | None = None
        """None when there is no store to deliver to."""
        self._labels: dict[str, str] = {}

    def begin(self) -> None:
        """Start the thread; even what it needs is imported there."""
        self._thread.start()

    async def end(self) -> None:
        """The journal has all of the run: deliver the rest, within END_S."""
        self._give_up_at = time.monotonic() + END_S
        self._over.set()
        await asyncio.to_thread(self._thread.join, END_S)

    async def conclude(self, result: "Result") -> "Result":
        """Deliver what the result says, within LAST_S; the result, saying what was delivered."""
        if self._progress is None:
            return result
        return await asyncio.to_thread(self._conclude, result, self._progress)

    def _work(self) -> None:
        from chaos.settings import Settings

        settings = Settings()
        if settings.metrics_store is None:
            return
        from chaos.metrics.progress import Progress

        self._progress = Progress()
        try:
            self._export(settings)
        except ChaosLabError as error:
            self._progress.why, self._progress.ended = str(error), False

    def _export(self, settings: "Settings") -> None:
        from chaos.metrics.courier import Courier
        from chaos.metrics.progress import Progress
        from chaos.metrics.store import Store

        self._progress = Progress.read(self._run)
        with Store.configured(settings) as store:
            courier = Courier(self._run, store, self._progress)
            self._follow(courier)
        self._labels = courier.labels
        self._progress.write(self._run)

    def _follow(self, courier: "Courier") -> None:
        from chaos.metrics.store import Said

        pause_s, fruitless = EVERY_S, 0
        while not self._over.wait(pause_s):
            courier.look()
            said = courier.deliver().said
            if said is Said.NOTHING:
                return
            fruitless = fruitless + 1 if said is Said.NOT_NOW else 0
            pause_s = min(EVERY_S * 2**fruitless, _LONGEST_PAUSE_S)
        self._rest(courier)

    def _rest(self, courier: "Courier") -> None:
        """All that is left, unless the store is slower than we wait."""
        from chaos.metrics.store import Said

        courier.end()
        while not courier.done and (left_s := self._give_up_at - time.monotonic()) > 0:
            courier.look()
            if courier.deliver(left_s).said not in (Said.TAKEN, Said.NOT_THESE):
                break
        courier.progress.ended = courier.done

    def _conclude(self, result: "Result", progress: "Progress") -> "Result":
        if progress.ended and not self._thread.is_alive():
            with suppress(ChaosLabError):  # a store that cannot be addressed has said so before
                self._last_words(result, progress)
        delivery = {**result.delivery, "metrics": progress.delivery(self._run)}
        result = result.model_copy(update={"delivery": delivery})
        with suppress(OSError):  # whoever draws the report writes it once more, and says why that fails
            write_whole(self._run.result, result.model_dump_json(indent=2) + "\n")
        return result

    def _last_words(self, result: "Result", progress: "Progress") -> None:
        from chaos.metrics.conclusion import conclusion
        from chaos.metrics.store import Said, Store
        from chaos.settings import Settings

        with Store.configured(Settings()) as store:
            answer = store.send(conclusion(result, self._labels), LAST_S)
        progress.concluded = answer.said is Said.TAKEN
        progress.why = answer.why or progress.why
        progress.write(self._run)
