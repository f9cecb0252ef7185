"""Export of one run while its journal grows: new samples every 0.4 s, and the rest at the end."""

import threading
import time
from contextlib import suppress

from chaos.analysis.result import Result
from chaos.errors import ChaosLabError
from chaos.publish.prometheus.conclusion import conclusion
from chaos.publish.prometheus.progress import PushProgress
from chaos.publish.prometheus.remote_writer import RemoteWriter
from chaos.publish.prometheus.store import Store, StoreOutcome
from chaos.runs.directory import Run, write_whole
from chaos.settings import Settings
from chaos.text.inert import in_json

EVERY_S = 0.4
LAST_S = 1.0
_LONGEST_PAUSE_S = 5.0
_NO_END_S = 3.0


class Export:
    """Of one run to the configured store."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self.give_up_at: float | None = None
        """When nobody waits any more (monotonic); known when the run is over."""
        self._run = run
        self._settings = settings
        self._progress = PushProgress()
        self._labels: dict[str, str] = {}

    def work(self, over: threading.Event) -> None:
        """Until everything is delivered after `over` is set, or it is too late, or the store takes nothing."""
        try:
            with Store.configured(self._settings) as store:
                self._progress = PushProgress.read(self._run, store.shown)
                writer = RemoteWriter(self._run, store, self._progress)
                if self._beside(writer, over):
                    self._rest(writer)
                self._labels = writer.labels
            self._progress.write(self._run)
        except ChaosLabError as error:
            self._progress.why, self._progress.ended = str(error), False

    def conclude(self, result: Result, *, too_slow: bool) -> Result:
        """Deliver what the result says, within LAST_S; the result, saying what was delivered."""
        if self._progress.ended and not too_slow:
            with suppress(ChaosLabError):  # a store that cannot be addressed has said so before
                self._last_words(result)
        delivery = {**result.delivery, "metrics": self._progress.delivery(self._run)}
        result = result.model_copy(update={"delivery": delivery})
        with suppress(OSError):  # whoever draws the report writes it once more, and says why that fails
            write_whole(self._run.result, in_json(result.model_dump_json(indent=2)) + "\n")
        return result

    def _beside(self, writer: RemoteWriter, over: threading.Event) -> bool:
        """Deliver what is new until the run is over; False when the store takes nothing."""
        pause_s, fruitless = EVERY_S, 0
        while not over.wait(pause_s):
            writer.look()
            said = writer.deliver().said
            if said is StoreOutcome.NOTHING:
                return False
            fruitless = fruitless + 1 if said is StoreOutcome.NOT_NOW else 0
            pause_s = min(EVERY_S * 2**fruitless, _LONGEST_PAUSE_S)
        return True

    def _rest(self, writer: RemoteWriter) -> None:
        """All that is left, unless the store is slower than we wait."""
        give_up_at = self.give_up_at or time.monotonic() + _NO_END_S
        writer.end()
        while not writer.done and (left_s := give_up_at - time.monotonic()) > 0:
            writer.look()
            if writer.deliver(left_s).said not in (StoreOutcome.TAKEN, StoreOutcome.NOT_THESE):
                break
        self._progress.ended = writer.done

    def _last_words(self, result: Result) -> None:
        with Store.configured(self._settings) as store:
            answer = store.send(conclusion(result, self._labels), LAST_S)
        self._progress.concluded = answer.said is StoreOutcome.TAKEN
        self._progress.why = answer.why or self._progress.why
        self._progress.write(self._run)
