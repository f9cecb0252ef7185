"""Origin of a run: `origin.json` in its folder, written when it starts.

What the journal does not know, because the run does not need it: who started it, through what, from which commit, on
which machine. With it an index that was lost is as good as the old one. Nothing of the store is imported here.
"""

import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from chaos.history import files
from chaos.history.errors import RunNotIndexed
from chaos.runs.directory import Run, write_whole
from chaos.text.inert import in_json

FILE = "origin.json"
MOST_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """All of it may be unknown, of older runs."""

    flow_run: str | None = None
    source: str | None = None
    """The manifest's file, as it was given."""
    repository: str | None = None
    commit: str | None = None
    started_by: str | None = None
    created_ms: int | None = None
    """When it was asked for."""
    machine: str | None = None
    worker: str | None = None

    @classmethod
    def read(cls, document: Any) -> Self:
        """Of what is in the file; raises ValueError for what was never written by us."""
        if not isinstance(document, Mapping):
            raise ValueError("not a mapping")
        known = {each.name for each in fields(cls)}
        found = {key: value for key, value in document.items() if key in known and value is not None}
        for key, value in found.items():
            if type(value) is not (int if key == "created_ms" else str):
                raise ValueError(f"{key} is not what it should be")
        return cls(**found)


def of(folder: Path) -> Origin:
    """Of a run's folder; nothing is known of older runs. Raises RunNotIndexed when the file is not ours."""
    found = files.document(folder / FILE, MOST_BYTES)
    try:
        return Origin() if found is None else Origin.read(found)
    except ValueError as error:
        raise RunNotIndexed(f"{files.named(folder / FILE)}: {error}") from error


def note(run: Run, **known: Any) -> None:
    """Write it; a disk that refuses costs the index some words, and the run nothing."""
    origin = Origin(**{"created_ms": int(time.time() * 1000), "machine": platform.node(), **known})
    said = {key: value for key, value in asdict(origin).items() if value is not None}
    try:
        write_whole(run.folder / FILE, in_json(json.dumps({"pid": os.getpid(), **said}, indent=1)) + "\n")
    except (OSError, ValueError):  # a name that is no Unicode text
        return
