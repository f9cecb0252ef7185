"""Import of run folders into the index, and the check of the index against them."""

import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, func, select, text
from sqlalchemy.engine import RowMapping

from chaos.history import days, files, pruned
from chaos.history.database import Database
from chaos.history.errors import RunNotIndexed
from chaos.history.models import ENDED, PRUNED, Aside, Imported, RunRow
from chaos.history.rows import JOURNAL, RESULT
from chaos.history.tables import ARTIFACTS, DAYS, RUNS, TALLIES
from chaos.history.taking import take
from chaos.history.writing import put, put_day, row_of, stored

_DEEP = 8
"""Folders below a root in which runs are looked for."""
_OF_A_RUN = {RESULT, JOURNAL, pruned.FILE}
_OF_A_DAY = {days.JOURNAL, days.REPORT}


def put_folder(database: Database, folder: Path) -> str:
    """Take one in: `added`, `changed` or `unchanged`. Raises RunNotIndexed, HistoryError."""
    if files.seen(folder / days.JOURNAL) is not None or files.seen(folder / days.REPORT) is not None:
        day, runs = days.take_day(folder)
        return database.write(lambda connection: put_day(connection, day, runs))
    taken = take(folder)
    return database.write(lambda connection: put(connection, taken)[1])


def import_all(database: Database, roots: Iterable[Path]) -> Imported:
    """See History."""
    done: Counter[str] = Counter()
    aside: list[Aside] = []
    for folder in folders(roots):
        if isinstance(folder, Aside):
            aside.append(folder)
            continue
        try:
            done[put_folder(database, folder)] += 1
        except RunNotIndexed as refusal:
            aside.append(Aside(files.named(folder), str(refusal)))
    return Imported(**done, aside=tuple(aside))


def folders(roots: Iterable[Path]) -> Iterator[Path | Aside]:
    """Every folder of a run or a day among and below these, links not followed; and what cannot be looked into."""
    for root in roots:
        if not root.is_dir():
            yield Aside(files.named(root), f"{files.named(root)}: there is no such folder")
        else:
            yield from _below(root.resolve(), 0)


def _below(folder: Path, depth: int) -> Iterator[Path | Aside]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda each: each.name)
    except OSError as error:
        yield Aside(files.named(folder), f"{files.named(folder)}: cannot be read: {error.strerror}")
        return
    if {each.name for each in entries} & (_OF_A_RUN | _OF_A_DAY):
        yield folder
    elif depth < _DEEP:
        for each in entries:
            if each.is_dir(follow_symlinks=False):
                yield from _below(folder / each.name, depth + 1)


def compare(database: Database, roots: Iterable[Path], *, deep: bool) -> tuple[int, tuple[Aside, ...]]:
    """How many runs there are, and what is wrong with the index: see History.check."""
    problems = list(database.read(_inside))
    runs = 0
    here: set[str] = set()
    for run in _runs(database):
        runs += 1
        if run.folder is None or run.machine not in (None, platform.node()):
            continue
        here.add(run.folder)
        if why := _beside(database, run, deep=deep):
            problems.append(Aside(run.run_id or run.id, why))
    known = database.read(_days)
    for each in folders(roots):
        if isinstance(each, Aside):
            problems.append(each)
        elif str(each) not in here | known:
            problems.append(
                Aside(files.named(each), "is not in the index; chaoslab history import takes it in")
            )
    return runs, tuple(problems)


def _runs(database: Database) -> Iterator[RunRow]:
    """Those that have ended, piece by piece: nobody holds a million of them."""
    last = ""
    while True:
        asked = select(RUNS).where(RUNS.c.id > last, RUNS.c.state == ENDED).order_by(RUNS.c.id).limit(500)
        found = database.read(partial(_found, asked=asked))
        if not found:
            return
        yield from found
        last = found[-1].id


def _found(connection: Connection, asked: Select[Any]) -> list[RunRow]:
    return [row_of(each) for each in connection.execute(asked)]


def _beside(database: Database, run: RunRow, *, deep: bool) -> str | None:
    """What is wrong with a run beside its folder."""
    folder = Path(str(run.folder))
    again = f"chaoslab history import {files.named(folder)}"
    if not folder.is_dir():
        return f"its folder is not there any more: {files.named(folder)}"
    if deep:
        try:
            now = take(folder)
        except RunNotIndexed as refusal:
            return str(refusal)
        then = database.read(lambda connection: stored(connection, run.id))
        same = then is not None and (then.result, then.artifacts) == (now.result, now.artifacts)
        return None if same else f"its files are not what they were; {again}"
    for each in database.read(lambda connection: _artifacts(connection, run)):
        there = files.seen(folder / each["name"])
        if (each["where"] == PRUNED) != (there is None):
            return f"{each['name']} is {'not ' * (there is None)}there; {again}"
        if there is not None and (there.bytes, there.modified_ms) != (each["bytes"], each["delivered_ms"]):
            return f"{each['name']} is not what it was; {again}"
    return None


def _artifacts(connection: Connection, run: RunRow) -> list[RowMapping]:
    return list(connection.execute(select(ARTIFACTS).where(ARTIFACTS.c.run == run.id)).mappings())


def _days(connection: Connection) -> set[str]:
    return set(connection.scalars(select(DAYS.c.folder)))


def _inside(connection: Connection) -> list[Aside]:
    """Whether the database itself is whole, and what is counted in it is what is there."""
    wrong = []
    if connection.dialect.name == "sqlite":
        said = connection.execute(text("PRAGMA integrity_check(5)")).scalars().all()
        wrong += [str(each) for each in said if each != "ok"]
        lost = connection.execute(text("PRAGMA foreign_key_check")).all()
        wrong += ["rows of runs that are not there"] if lost else []
    kinds = [func.coalesce(RUNS.c[name], "") for name in ("repository", "experiment", "outcome", "verdict")]
    true = select(*kinds, func.count()).where(RUNS.c.state == ENDED).group_by(*kinds)
    counted = [TALLIES.c[name] for name in ("repository", "experiment", "outcome", "verdict", "n")]
    said_ = {tuple(each) for each in connection.execute(select(*counted).where(TALLIES.c.n != 0))}
    if said_ != {tuple(each) for each in connection.execute(true)}:
        wrong.append("its counts are not those of its runs")
    return [Aside("the store", f"{each}; move it away, then: chaoslab history import DIR") for each in wrong]
