"""Runs of other machines, once they are whole: judged here from their journal, and taken into the history."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos import __version__
from chaos.analysis.judgement import judge
from chaos.analysis.result import Result
from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.explain import rules
from chaos.history import files
from chaos.history.deliveries import Note
from chaos.history.errors import HistoryError, RunNotIndexed
from chaos.history.received import BUCKET, NAMES, SENT_RESULT, Received
from chaos.history.rows import MOST_BYTES, RESULT
from chaos.history.store import History
from chaos.history.uploads.bucket import Bucket
from chaos.runs.directory import Run, write_whole
from chaos.verdict import RULES
from flows.console.malformed import MALFORMED
from flows.console.problems import Refused

_NOT_JUDGED = {"analysis", "links", "delivery"}
"""What is added to a result after it was judged."""


async def concluded(history: History, received: Received, note: Note) -> Note:
    """Judge the journal, keep the result, take the run in. Raises Refused."""
    try:
        return await asyncio.to_thread(conclude, history, received, note)
    except RunNotIndexed as error:
        raise Refused("conflict", str(error)) from error
    except HistoryError as error:
        raise Refused("store-away", str(error), retry_after_s=5) from error


def conclude(history: History, received: Received, note: Note) -> Note:
    """The same, in a thread. Raises RunNotIndexed, HistoryError."""
    differs = None if note.here else judged(received.under / note.run_id, note)
    folder = Path(note.folder) if note.here and note.folder else received.under / note.run_id
    history.put(folder)
    return received.conclude(note.run_id, differs)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The bucket into which workers put their runs, and from which they come here. Blocking."""

    bucket: Bucket
    history: History
    received: Received

    def missing(self) -> list[str]:
        """The runs in it that the history has no result of. Raises BucketError, HistoryError."""
        return [run_id for run_id in self.bucket.runs() if not self._known(run_id)]

    def fetch(self, run_id: str) -> None:
        """Take one in, where the bucket has it and nobody else brought it. Raises BucketError, HistoryError."""
        if self._known(run_id) or not self.bucket.has(run_id):
            return
        experiment = run_id[16:-7]
        now = round(time.time() * 1000)
        note = self.received.open(Note(run_id=run_id, experiment=experiment, by=BUCKET, opened_ms=now))
        if note.whole_ms is None:
            self.bucket.get(run_id, self.received.under / run_id, NAMES)
            conclude(self.history, self.received, note)

    def _known(self, run_id: str) -> bool:
        return self.history.result(run_id) is not None


def judged(folder: Path, note: Note) -> str | None:
    """`result.json` of the journal: the worker's own when it says the same, else how that differs.

    Raises RunNotIndexed.
    """
    data = files.read(folder / SENT_RESULT, MOST_BYTES)
    if data is None:
        raise RunNotIndexed(f"{note.run_id}: its result was not delivered")
    run = Run(note.run_id, folder)
    try:
        sent = Result.model_validate_json(data)
        events = list(run.journal.events())
        here = judge(events, min(sent.rules, RULES))
    except (ChaosLabError, *MALFORMED) as error:
        raise RunNotIndexed(
            f"{note.run_id}: its journal and result cannot be judged here: {error}"
        ) from error
    if (here.run_id, here.experiment) != (note.run_id, note.experiment):
        raise RunNotIndexed(f"{note.run_id}: its journal is of another run")
    if not (apart := _apart(here, sent)):
        _keep(folder / RESULT, data.decode())
        return None
    differs = _words(apart, here, sent, note)
    _keep(folder / RESULT, _ours(here, sent, events, differs).model_dump_json(indent=2) + "\n")
    return differs


def _ours(here: Result, sent: Result, events: list[Event], differs: str) -> Result:
    """What the journal comes to here, in words by rules: a model's words were about other numbers."""
    said: Mapping[str, Any] = {
        "links": sent.links,
        "delivery": sent.delivery,
        "doubts": [*here.doubts, differs],
    }
    made = here.model_copy(update=said)
    return made.model_copy(update={"analysis": rules.analyze(made, events, None)})


def _apart(here: Result, sent: Result) -> list[str]:
    one, other = (each.model_dump(mode="json", exclude=_NOT_JUDGED) for each in (here, sent))
    return [name for name in one if one[name] != other.get(name)]


def _words(apart: list[str], here: Result, sent: Result, note: Note) -> str:
    said = f"its worker says {sent.outcome}, {sent.verdict}; its journal comes to {here.outcome}, {here.verdict} here"
    if (here.outcome, here.verdict) == (sent.outcome, sent.verdict):
        said = f"judged here from its journal, other than by its worker in {', '.join(apart)}"
    skew = f" (ChaosLab {note.version} there, {__version__} here)" if note.version != __version__ else ""
    return said + skew


def _keep(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise HistoryError(f"{path}: cannot be written: {error.strerror}") from error
