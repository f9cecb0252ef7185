"""Runs of other machines as they arrive here: a folder each, `console/uploads/RUN` in the state folder.

The journal's length is how far it got; there is no other bookkeeping that could disagree with it. Nothing that arrives
is trusted: names are a few, lengths are bounded, a result counts once the journal beside it has been judged here.
"""

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from chaos.events import Event
from chaos.history import deliveries, files
from chaos.history.deliveries import Note
from chaos.history.errors import BadQuestion, HistoryError, Unknown
from chaos.history.rows import DELIVERED, JOURNAL, RESULT, check_id
from chaos.host.private import opener, run_folder, state_folder
from chaos.runs.directory import write_whole
from chaos.text.inert import in_json

SENT_RESULT = "result.sent.json"
"""What the worker said; `result.json` is made of it once its journal has been judged here."""
NAMES: Mapping[str, str] = {**{name: name for name in DELIVERED}, RESULT: SENT_RESULT}
MOST_JOURNAL, MOST_FILE = 2**30, 16 * 2**20
BUCKET = "bucket"
"""Brings what nobody delivers."""
_LINE = 2**20
_LATEST = 2.0**32
"""Unix seconds that no clock of these days shows."""
_FREE = 256 * 2**20
_LOCKS = tuple(threading.Lock() for _ in range(64))


class NoSpace(HistoryError):
    """The disk is nearly full: nothing more is taken."""


class NotYours(HistoryError):
    """Another worker delivers that run."""


class WrongOffset(HistoryError):
    """It goes on somewhere else."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the journal goes on at byte {offset}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Received:
    """All of them. Blocking. Methods raise HistoryError."""

    under: Path

    def open(self, note: Note) -> Note:
        """A delivery begins, or goes on; as it is known now."""
        check_id(self.under / note.run_id, note.run_id, note.experiment)
        with self._alone(note.run_id):
            known = deliveries.note_of(note.run_id, self.under)
            if known is None:
                self._room()
                state_folder(self.under)
                with suppress(FileExistsError):  # somebody was killed between the two
                    run_folder(self._folder(note.run_id))
            else:
                _must_be_theirs(known, note.by)
                note = replace(known, here=known.here or note.here, by=note.by)
            self._keep(note)
            return note

    def offset(self, run_id: str) -> int:
        """Bytes of its journal."""
        known = files.seen(self._folder(run_id) / JOURNAL)
        return known.bytes if known else 0

    def sums(self, run_id: str) -> dict[str, str]:
        """Name -> SHA-256 of the other files."""
        there = {name: self._folder(run_id) / file for name, file in NAMES.items()}
        return {name: files.sha256(path) for name, path in there.items() if files.seen(path)}

    def append(self, run_id: str, by: str, offset: int, data: bytes) -> int:
        """A piece of the journal, of whole lines; where the next one begins. Raises WrongOffset."""
        with self._alone(run_id):
            note = self._theirs(run_id, by)
            at = self._whole_lines(run_id)
            if offset != at or note.whole_ms is not None:
                raise WrongOffset(at)
            _must_be_events(data)
            if at + len(data) > MOST_JOURNAL:
                raise BadQuestion(f"journal: more than {MOST_JOURNAL} bytes")
            self._room(len(data))
            path = str(self._folder(run_id) / JOURNAL)
            with _written(path), open(path, "ab", buffering=0, opener=opener) as file:
                while data:
                    data = data[file.write(data) :]
            return self.offset(run_id)

    def put(self, run_id: str, by: str, name: str, data: bytes) -> None:
        """One of the other files, whole."""
        if name not in NAMES:
            raise Unknown(f"no file of a run is called so; known: {', '.join(NAMES)}")
        with self._alone(run_id):
            self._theirs(run_id, by)
            self._room(len(data))
            path = self._folder(run_id) / NAMES[name]
            part = path.with_name(path.name + ".part")
            with _written(str(path)):
                with open(part, "wb", opener=opener) as file:
                    file.write(data)
                part.replace(path)

    def check(self, run_id: str, by: str, size: int, sha256: str) -> Note:
        """Whether the journal is what the worker has. Raises WrongOffset: where it is to be sent again from."""
        with self._alone(run_id):
            note = self._theirs(run_id, by)
            path = self._folder(run_id) / JOURNAL
            there = self.offset(run_id)
            if note.here or (there == size and (not size or files.sha256(path) == sha256)):
                return note
            if there >= size:  # not its beginning, either
                with _written(str(path)):
                    os.truncate(path, 0)
                there = 0
            raise WrongOffset(there)

    def conclude(self, run_id: str, differs: str | None) -> Note:
        """All is here, and judged."""
        with self._alone(run_id):
            known = deliveries.note_of(run_id, self.under)
            if known is None:
                raise Unknown(f"{run_id}: is not delivered here")
            note = replace(known, whole_ms=round(time.time() * 1000), differs=differs)
            self._keep(note)
            return note

    def _theirs(self, run_id: str, by: str) -> Note:
        note = deliveries.note_of(run_id, self.under)
        if note is None:
            raise Unknown(f"{run_id}: no delivery of it has begun")
        _must_be_theirs(note, by)
        return note

    def _whole_lines(self, run_id: str) -> int:
        """Bytes of its journal, of which a torn last line is dropped: more of it came, so it was not the last."""
        path = self._folder(run_id) / JOURNAL
        if not (size := self.offset(run_id)):
            return 0
        with _written(str(path)), path.open("r+b") as file:
            file.seek(max(0, size - _LINE))
            tail = file.read()
            whole = size - len(tail) + tail.rfind(b"\n") + 1
            if whole != size:
                file.truncate(whole)
            return whole

    def _keep(self, note: Note) -> None:
        said = {key: value for key, value in asdict(note).items() if value is not None}
        path = self._folder(note.run_id) / deliveries.FILE
        with _written(str(path)):
            write_whole(path, in_json(json.dumps(said, indent=1)) + "\n")

    def _room(self, size: int = 0) -> None:
        above = next(each for each in (self.under, *self.under.parents) if each.exists())
        if shutil.disk_usage(above).free < size + _FREE:
            raise NoSpace(f"the console's disk is nearly full: less than {_FREE // 2**20} MiB are free")

    def _folder(self, run_id: str) -> Path:
        return self.under / run_id

    @contextmanager
    def _alone(self, run_id: str) -> Iterator[None]:
        with _LOCKS[hashlib.sha256(run_id.encode(errors="replace")).digest()[0] % len(_LOCKS)]:
            yield


def _must_be_theirs(note: Note, by: str) -> None:
    if by != note.by != BUCKET:
        raise NotYours(f"{note.run_id}: another worker delivers that run")


def _must_be_events(data: bytes) -> None:
    """Raises BadQuestion: whoever reads it here need not wonder."""
    for line in data.splitlines(keepends=True):
        try:
            if line.endswith(b"\n") and not _is_sound(Event.from_line(line)):
                raise ValueError
            if len(line) > _LINE:
                raise BadQuestion(f"journal: a line of more than {_LINE} bytes")
        except (ValueError, KeyError, TypeError) as error:
            raise BadQuestion("journal: a line that is no event of a ChaosLab journal") from error


def _is_sound(event: Event) -> bool:
    return isinstance(event.data, dict) and 0 <= event.at < _LATEST and isinstance(event.source, str)


@contextmanager
def _written(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoSpace(f"{path}: cannot be written: {error.strerror}") from error
