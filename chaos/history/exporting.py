"""Export of the history as lines of JSON, for other programs."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from chaos.history import access, days, queries
from chaos.history.database import Database
from chaos.history.models import Filters
from chaos.history.rows import number
from chaos.history.tables import DAYS, RESULTS
from chaos.text.inert import in_json

_PIECE = 100


def lines(database: Database) -> Iterator[str]:
    """See History. Runs newest first, each with its result; then the game days; then the audit."""
    cursor: str | None = None
    while True:
        piece, cursor = database.read(partial(_runs, cursor=cursor))
        yield from piece
        if cursor is None:
            break
    yield from _days(database)
    yield from _audit(database)


def _runs(connection: Connection, cursor: str | None) -> tuple[list[str], str | None]:
    page = queries.page(connection, Filters(), _PIECE, cursor)
    found = []
    for each in page.items:
        detail = queries.get(connection, each.run.id)
        result = connection.scalar(select(RESULTS.c.result).where(RESULTS.c.run == each.run.id))
        if detail is not None:
            said = {**asdict(detail), "result": None if result is None else _finite(result)}
            found.append(_line("run", said))
    return found, page.next


def _ids(connection: Connection) -> list[str]:
    return list(connection.scalars(select(DAYS.c.id).order_by(DAYS.c.id)))


def _days(database: Database) -> Iterator[str]:
    ids = database.read(_ids)
    for id_ in ids:
        found = database.read(partial(days.day, id_=id_))
        if found is not None:
            day, runs = found
            fold = None if day.fold is None else _finite(day.fold)
            yield _line(
                "day", {"day": {**asdict(day), "fold": fold}, "runs": [asdict(each) for each in runs]}
            )


def _audit(database: Database) -> Iterator[str]:
    before: int | None = None
    while rows := database.read(partial(access.audit, limit=_PIECE, before=before)):
        for each in rows:
            said = asdict(each)
            yield _line("audit", {"from": said.pop("from_"), **said})
        before = rows[-1].id


def _finite(text: str) -> Any:
    """The JSON of somebody's file; numbers beyond all bounds, which JSON for others cannot have, are null."""
    return json.loads(text, parse_float=lambda said: number(float(said)), parse_constant=lambda _: None)


def _line(kind: str, said: dict[str, object]) -> str:
    return in_json(json.dumps({"kind": kind, **said}, ensure_ascii=False))
