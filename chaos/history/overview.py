"""Overview: each experiment with its last runs, in one query."""

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import Connection, Row, Select, Subquery, func, select, true

from chaos.history.models import ENDED, ExperimentRow, RunRow
from chaos.history.queries import live
from chaos.history.tables import RUNS, TALLIES
from chaos.history.writing import row_of

LAST = 20
"""Runs that the score of an experiment is made of."""
_PIECE = 500
_Key = tuple[str, str]


def experiments(connection: Connection, repository: str | None) -> tuple[ExperimentRow, ...]:
    """See History."""
    under_way: dict[_Key, RunRow] = {}
    for run in reversed(live(connection)):
        under_way[run.repository or "", run.experiment] = run
    ended = {key: rows for key, rows in _recent(connection, repository)}
    wanted = {key: rows[0].id for key, rows in ended.items()}
    found = _rows(connection, list(wanted.values()))
    newest = {key: found[id_] for key, id_ in wanted.items() if id_ in found}
    for key, run in under_way.items():
        if repository in (None, key[0]) and (key not in newest or run.created_ms > newest[key].created_ms):
            newest[key] = run
    made = [_row(key, run, ended.get(key, [])) for key, run in newest.items()]
    return tuple(sorted(made, key=lambda each: each.last.created_ms, reverse=True))


def _row(key: _Key, last: RunRow, rows: list[Row[tuple[str, str, str, int, str, int]]]) -> ExperimentRow:
    verdicts = [each.verdict for each in rows]
    held, deviated = verdicts.count("held"), verdicts.count("deviated")
    return ExperimentRow(
        repository=key[0] or None,
        experiment=key[1],
        last=last,
        runs=rows[0].n if rows else 0,
        of=len(rows),
        proven=held + deviated,
        held=held,
    )


def _recent(
    connection: Connection, repository: str | None
) -> Iterator[tuple[_Key, list[Row[tuple[str, str, str, int, str, int]]]]]:
    """(repository, experiment) -> its last ended runs, newest first."""
    names = (TALLIES.c.repository, TALLIES.c.experiment)
    kinds = select(*names, func.sum(TALLIES.c.n).label("n")).group_by(*names)
    kinds = kinds if repository is None else kinds.where(TALLIES.c.repository == repository)
    known = kinds.subquery("known")
    asked = _lateral(known) if connection.dialect.name == "postgresql" else _by_ids(known)
    rows = sorted(connection.execute(asked), key=lambda each: (each.created_ms, each.id), reverse=True)
    rows.sort(key=lambda each: (each.repository, each.experiment))
    for key, some in groupby(rows, key=lambda each: (each.repository, each.experiment)):
        yield key, list(some)


def _lateral(known: Subquery) -> Select[tuple[str, str, str, int, str, int]]:
    columns = (RUNS.c.id, RUNS.c.created_ms, RUNS.c.verdict)
    last = _of(select(*columns), known).lateral("last")
    shown = (known.c.repository, known.c.experiment, last.c.id, last.c.created_ms, last.c.verdict, known.c.n)
    return select(*shown).select_from(known).join(last, true())


def _by_ids(known: Subquery) -> Select[tuple[str, str, str, int, str, int]]:
    """SQLite knows no lateral; it looks up each of those few ids."""
    shown = (known.c.repository, known.c.experiment, RUNS.c.id, RUNS.c.created_ms, RUNS.c.verdict, known.c.n)
    inner = RUNS.alias("inner_runs")
    ids = (
        select(inner.c.id)
        .where(
            inner.c.experiment == known.c.experiment,
            func.coalesce(inner.c.repository, "") == known.c.repository,
            inner.c.state == ENDED,
        )
        .order_by(inner.c.created_ms.desc(), inner.c.id.desc())
        .limit(LAST)
    )
    theirs = RUNS.c.id.in_(ids.correlate(known).scalar_subquery())
    return select(*shown).select_from(known).join(RUNS, theirs)


def _of(asked: Select[tuple[str, int, str]], known: Subquery) -> Select[tuple[str, int, str]]:
    same = func.coalesce(RUNS.c.repository, "") == known.c.repository
    mine = asked.where(RUNS.c.experiment == known.c.experiment, same, RUNS.c.state == ENDED)
    return mine.order_by(RUNS.c.created_ms.desc(), RUNS.c.id.desc()).limit(LAST).correlate(known)


def _rows(connection: Connection, ids: list[str]) -> dict[str, RunRow]:
    found: dict[str, RunRow] = {}
    for begin in range(0, len(ids), _PIECE):
        some = select(RUNS).where(RUNS.c.id.in_(ids[begin : begin + _PIECE]))
        found |= {each.id: row_of(each) for each in connection.execute(some)}
    return found
