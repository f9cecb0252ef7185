"""Rows of one run, with values that fit any database and any screen."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chaos.history import files
from chaos.history.errors import RunNotIndexed
from chaos.history.models import ArtifactRow, RunRow, SteadyRow, StepRow
from chaos.text.inert import inert

JOURNAL, RESULT = "journal.ndjson", "result.json"
ARTIFACTS = (JOURNAL, RESULT, "report.html", "dashboard.json")
MOST_BYTES = 16 * 2**20
"""Of a result: an honest one has some ten thousand."""
WORDS, NAME = 2000, 300
"""Characters of a reason, and of a name."""
LARGEST = 2**63 - 1
_RUN_ID = re.compile(r"(\d{8}-\d{6})-([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)-[0-9a-f]{6}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRows:
    """All rows of one run."""

    run: RunRow
    result: str | None
    """The file as it is; None when it was pruned."""
    model: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    steps: tuple[StepRow, ...] = ()
    steady_states: tuple[SteadyRow, ...] = ()
    artifacts: tuple[ArtifactRow, ...] = ()


def path_text(folder: Path) -> str:
    """The absolute path. Raises RunNotIndexed when it is no text, or what is there is no folder."""
    try:
        text_ = str(folder.absolute())
        text_.encode()
    except UnicodeEncodeError as error:
        raise RunNotIndexed(f"{files.named(folder)}: its path is not Unicode text") from error
    if folder.is_symlink() or not folder.is_dir():
        raise RunNotIndexed(f"{files.named(folder)}: is not a folder")
    return text_


def check_id(folder: Path, run_id: str, name: str) -> None:
    """Whether that is how runs of that name are called. Raises RunNotIndexed."""
    match = _RUN_ID.fullmatch(run_id)
    if match is None or match[2] != name:
        raise RunNotIndexed(
            f"{files.named(folder)}: its result says that it is no run of ours (its run_id, experiment)"
        )


def milliseconds(folder: Path, moment: str | datetime) -> int:
    """Unix milliseconds of `2026-01-31T18:03:11.042Z`. Raises RunNotIndexed."""
    try:
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return round(at.timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise RunNotIndexed(f"{files.named(folder)}: its result has a time that is none") from error


def text(words: str, most: int = WORDS) -> str:
    """Inert, and not longer than a list can show."""
    shown = inert(words[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def number(value: float | None) -> float | None:
    """What a database takes for a number."""
    return float(value) if value is not None and math.isfinite(value) else None


def sound(value: Any) -> bool:
    """Whether every text, number and row in it is such as are made here."""
    if isinstance(value, str):
        return len(value) <= WORDS and inert(value) == value
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) <= LARGEST
    return value is None or all(map(sound, _parts(value)))


def _parts(value: Any) -> Iterator[Any]:
    if is_dataclass(value):
        return (getattr(value, each.name) for each in fields(value))
    return iter(value)


def askable(value: object) -> bool:
    """Whether a database can be asked for that text or number at all."""
    if isinstance(value, str):
        return (value.isascii() and "\0" not in value) or (inert(value) == value and len(value) <= WORDS)
    return type(value) is int and abs(value) <= LARGEST
