"""Remote writer: sends a run's samples to a store in the order of its journal, from where the last one stopped.

The journal is the queue: what the store does not take stays on the disk, and no memory grows while it is down. A batch
that was sent and never answered is sent again as it was, before anything else: the store may have taken it.
"""

from chaos.publish.prometheus.progress import PushProgress
from chaos.publish.prometheus.projection import Projection
from chaos.publish.prometheus.protobuf import by_series
from chaos.publish.prometheus.samples import Sample
from chaos.publish.prometheus.store import PATIENCE_S, Store, StoreAnswer, StoreOutcome
from chaos.runs.directory import Run

BATCH = 5000
"""Samples in one request, at most."""
_HAS_IT = ("out of order", "out-of-order", "duplicate")
"""How stores say that they have a later sample of a series, or this very one."""


class RemoteWriter:
    """Of one run to one store; for one thread."""

    def __init__(self, run: Run, store: Store, progress: PushProgress, *, hopeful: bool = False) -> None:
        self.progress = progress
        self._run = run
        self._store = store
        self._projection = Projection()
        self._offset = 0
        self._known = progress.samples
        """So many samples of the journal need no delivery any more."""
        self._waiting: list[Sample] = []
        self._batch: list[Sample] = []
        self._again = progress.tried > 0
        self._taken_any = hopeful
        """Whether a store that refuses a whole batch may still take others."""
        self._ending = self._ended = False

    @property
    def labels(self) -> dict[str, str]:
        """What all samples of this run have in common."""
        return self._projection.labels

    @property
    def done(self) -> bool:
        """Whether everything is dealt with, to the end of the run."""
        return self._ended and not self._batch and not self._waiting

    def end(self) -> None:
        """The journal grows no more: where it ends, so do the series."""
        self._ending = True

    def look(self) -> None:
        """Take in what the journal has got, unless there is enough in hand. Raises ChaosLabError."""
        if len(self._waiting) > 2 * BATCH or not self._run.journal.path.exists():
            return
        events, self._offset = self._run.journal.after(self._offset)
        for event in events:
            self._note(self._projection.take(event))
        if self._ending and not self._ended and not events:
            self._note(self._projection.end())
            self._ended = True

    def deliver(self, within_s: float = PATIENCE_S) -> StoreAnswer:
        """Send one batch, if there is one. Raises PublishError when the progress cannot be kept."""
        if not self._batch:
            size = self.progress.tried or BATCH
            self._batch, self._waiting = self._waiting[:size], self._waiting[size:]
        if not self._batch:
            return StoreAnswer(StoreOutcome.TAKEN)
        self.progress.tried = len(self._batch)
        self.progress.write(self._run)
        answer = self._send(within_s)
        if answer.said in (StoreOutcome.TAKEN, StoreOutcome.NOT_THESE):
            self._dealt_with()
        else:
            self._again = True
        self.progress.why = answer.why or self.progress.why
        return answer

    def _note(self, samples: list[Sample]) -> None:
        known = min(self._known, len(samples))
        self._known -= known
        self._waiting += samples[known:]

    def _send(self, within_s: float) -> StoreAnswer:
        answer = self._store.send(self._batch, within_s)
        if answer.said is StoreOutcome.NOT_THESE:
            return self._series_by_series(within_s)
        self._taken_any = self._taken_any or answer.said is StoreOutcome.TAKEN
        return answer

    def _series_by_series(self, within_s: float) -> StoreAnswer:
        """A store refuses a whole request for one sample. What it refuses alone is not sent again."""
        refused = 0
        last = StoreAnswer(StoreOutcome.TAKEN)
        for samples in by_series(self._batch).values():
            answer = self._store.send(samples, within_s)
            if answer.said is StoreOutcome.NOT_THESE and not self._had(answer):
                refused, last = refused + len(samples), answer
            elif answer.said in (StoreOutcome.TAKEN, StoreOutcome.NOT_THESE):
                self._taken_any = True
            else:
                return answer
        if refused == len(self._batch) and not self._taken_any:
            return StoreAnswer(StoreOutcome.NOTHING, last.why)
        self.progress.refused += refused
        return last

    def _had(self, answer: StoreAnswer) -> bool:
        """Whether it refuses what it took when we did not hear it."""
        return self._again and any(words in answer.why.lower() for words in _HAS_IT)

    def _dealt_with(self) -> None:
        self.progress.samples += len(self._batch)
        self.progress.tried = 0
        self._batch, self._again = [], False
