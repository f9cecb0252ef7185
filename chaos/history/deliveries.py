"""What is known of a run that another machine brings here: `upload.json`, in a folder of its own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from chaos.history import files
from chaos.history.errors import RunNotIndexed
from chaos.history.rows import JOURNAL, RUN_ID
from chaos.settings import Settings

FILE = "upload.json"
SILENT_AFTER_S = 60.0
"""A worker says every 20 s that its run goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is known of a delivery: `upload.json`."""

    run_id: str
    experiment: str
    by: str
    """Whose token brings it."""
    flow_run: str | None = None
    machine: str | None = None
    """What the worker's machine calls itself."""
    folder: str | None = None
    """Where it is on that machine."""
    version: str | None = None
    here: bool = False
    """That folder is readable here: nothing is copied."""
    opened_ms: int
    whole_ms: int | None = None
    differs: str | None = None
    """How the worker's result is not what its journal comes to here."""


def is_run_id(text: str) -> bool:
    """Whether runs are called so, and a folder may be."""
    return RUN_ID.fullmatch(text) is not None


def root() -> Path:
    """Where they are."""
    return Settings().state_folder / "console" / "uploads"


def note_of(run_id: str, under: Path | None = None) -> Note | None:
    """Of a delivery; None when there is none."""
    return _read((under or root()) / run_id / FILE)


def note_beside(folder: Path) -> Note | None:
    """Of a run's folder, where that was delivered."""
    return _read(folder / FILE)


def place_of(run_id: str, under: Path | None = None) -> Path | None:
    """The folder of a run that is delivered."""
    note = note_of(run_id, under) if is_run_id(run_id) else None
    if note is None:
        return None
    return Path(note.folder) if note.here and note.folder else (under or root()) / run_id


def is_alive(note: Note, under: Path | None = None) -> bool:
    """Whether its worker was heard of lately."""
    if note.whole_ms is not None:
        return False
    known = [files.seen((under or root()) / note.run_id / name) for name in (JOURNAL, FILE)]
    last = max((each.modified_ms for each in known if each is not None), default=0)
    return time.time() * 1000 - last < SILENT_AFTER_S * 1000


def notes(under: Path | None = None) -> Iterator[Note]:
    """Of all deliveries."""
    for file in sorted((under or root()).glob(f"*/{FILE}")):
        if (note := _read(file)) is not None:
            yield note


def _read(file: Path) -> Note | None:
    try:
        found = files.document(file, 64 * 2**10)
        known: dict[str, Any] = {key: value for key, value in found.items() if key in _FIELDS}
        return Note(**known)
    except (RunNotIndexed, AttributeError, TypeError):
        return None


_FIELDS = {each.name for each in fields(Note)}
