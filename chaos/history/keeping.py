"""Retention: how long files are kept, and the removal of older ones: `journals 90d 5GiB, results forever`.

A clause says what (`journals`, or `results`: everything else of a run), and how long or how much of it, the newest
first; what it does not name is kept. Only files of ours are removed, by their names, in folders that the index knows
and that still hold that run. What is pruned is written down in the folder before it is removed.
"""

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from chaos.history import files, pruned
from chaos.history.database import Database
from chaos.history.errors import BadQuestion, RunNotIndexed
from chaos.history.importing import put_folder
from chaos.history.models import ENDED, PRUNED, Aside, Pruning
from chaos.history.rows import ARTIFACTS, JOURNAL
from chaos.history.tables import ARTIFACTS as FILES
from chaos.history.tables import RUNS
from chaos.history.taking import take
from chaos.runs.directory import write_whole
from chaos.units import SIZE

_DAY_MS = 24 * 3600 * 1000
_ALLOWED = "expected such as 'journals 90d 5GiB, results forever'"
_OF = {"journals": (JOURNAL,), "results": tuple(name for name in ARTIFACTS if name != JOURNAL)}
_AGE = re.compile(r"([0-9]{1,6})(h|d|w)")
_MS = {"h": 3600 * 1000, "d": _DAY_MS, "w": 7 * _DAY_MS}


class Retention(NamedTuple):
    """None: for ever, and however much."""

    age_ms: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept."""

    of: dict[str, Retention]

    @classmethod
    def read(cls, words: str) -> "Keep":
        """Raises BadQuestion with what is allowed."""
        found: dict[str, Retention] = {}
        for clause in filter(None, (each.strip() for each in words.split(","))):
            what, *limits = clause.split()
            if what not in _OF or what in found or not limits:
                raise BadQuestion(f"how long files are kept: {clause[:60]!r}: {_ALLOWED}")
            found[what] = _limits(clause, limits)
        return cls(found)


class _File(NamedTuple):
    run: str
    folder: str
    name: str
    bytes: int
    created_ms: int


def prune(database: Database, keep: Keep, at_ms: int, *, dry: bool) -> Pruning:
    """See History."""
    due: dict[tuple[str, str], list[_File]] = {}
    for what, limits in keep.of.items():
        for each in _beyond(database.read(partial(_files, names=_OF[what])), limits, at_ms):
            due.setdefault((each.run, each.folder), []).append(each)
    refused: list[Aside] = []
    done: list[_File] = []
    for (_, folder), some in due.items():
        try:
            done += some if dry else _remove(database, Path(folder), some, at_ms)
        except (RunNotIndexed, OSError) as why:
            refused.append(Aside(files.named(Path(folder)), str(why)))
    return Pruning(
        journals=sum(each.name == JOURNAL for each in done),
        results=len({each.run for each in done if each.name == "result.json"}),
        freed_bytes=sum(each.bytes for each in done),
        refused=tuple(refused),
    )


def _limits(clause: str, words: list[str]) -> Retention:
    if words == ["forever"]:
        return Retention()
    limits = Retention()
    for each in words:
        if (age := _AGE.fullmatch(each)) and limits.age_ms is None:
            limits = limits._replace(age_ms=int(age[1]) * _MS[age[2]])
            continue
        try:
            size = int(SIZE.parse(each))
        except ValueError as error:
            raise BadQuestion(f"how long files are kept: {each[:60]!r}: {_ALLOWED}") from error
        if limits.bytes is not None:
            raise BadQuestion(f"how long files are kept: {clause[:60]!r} says it twice: {_ALLOWED}")
        limits = limits._replace(bytes=size)
    return limits


def _files(connection: Connection, names: tuple[str, ...]) -> list[_File]:
    """Those of ended runs of this machine, newest first."""
    columns = (RUNS.c.id, RUNS.c.folder, FILES.c.name, FILES.c.bytes, RUNS.c.created_ms, RUNS.c.machine)
    where = (
        RUNS.c.state == ENDED,
        RUNS.c.folder.is_not(None),
        FILES.c.where != PRUNED,
        FILES.c.name.in_(names),
    )
    asked = select(*columns).join(FILES, FILES.c.run == RUNS.c.id).where(*where)
    newest = asked.order_by(RUNS.c.created_ms.desc(), RUNS.c.id.desc())
    ours = (None, platform.node())
    return [_File(*each[:5]) for each in connection.execute(newest) if each[5] in ours]


def _beyond(found: list[_File], limits: Retention, at_ms: int) -> Iterator[_File]:
    """What is older, or beyond the bytes of what is newer; a run's files go together."""
    total = 0
    full = False
    by_run: dict[str, list[_File]] = {}
    for each in found:
        by_run.setdefault(each.run, []).append(each)
    for some in by_run.values():
        total += sum(each.bytes for each in some)
        full = full or (limits.bytes is not None and total > limits.bytes)
        if full or (limits.age_ms is not None and some[0].created_ms < at_ms - limits.age_ms):
            yield from some


def _remove(database: Database, folder: Path, some: list[_File], at_ms: int) -> list[_File]:
    """Say so in the folder, remove, and take in what is left. Raises RunNotIndexed, OSError, having removed nothing."""
    now = take(folder)
    if some[0].run != now.run.id:
        raise RunNotIndexed(f"{files.named(folder)}: holds another run than the one that was taken in")
    names = {each.name for each in some}
    left = tuple(
        replace(each, where=PRUNED, delivered_ms=at_ms) if each.name in names else each
        for each in now.artifacts
    )
    write_whole(folder / pruned.FILE, pruned.pruned_note(replace(now, artifacts=left)))
    for name in sorted(names):
        (folder / name).unlink(missing_ok=True)
    put_folder(database, folder)
    return some
