"""How many ended runs there are of each kind: counted as they are written, for nobody counts a million of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from chaos.history.models import ENDED, RunRow
from chaos.history.tables import FAULT_TALLIES, HOUR_MS, HOUR_TALLIES, RUNS, STEPS, TALLIES


def count(connection: Connection, run: RunRow | None, by: int) -> None:
    """Count an ended run, with the steps that are there, or no longer."""
    if run is None or run.state != ENDED:
        return
    for table, kind in _kinds(connection, run):
        where = [table.c[key] == value for key, value in kind.items()]
        changed = connection.execute(update(table).where(*where).values(n=table.c.n + by))
        if changed.rowcount == 0:
            connection.execute(insert(table), {**kind, "n": by})


def are_true(connection: Connection) -> bool:
    """Whether what is counted is what is there."""
    repository, outcome, verdict = (
        func.coalesce(RUNS.c[name], "") for name in ("repository", "outcome", "verdict")
    )
    ended = (outcome, verdict)
    of = (repository, RUNS.c.experiment, *ended)
    faults = select(STEPS.c.run, STEPS.c.fault).distinct().subquery()
    runs = select(*of, func.count()).where(RUNS.c.state == ENDED)
    hour = RUNS.c.created_ms // HOUR_MS
    there = (
        (TALLIES, runs.group_by(*of)),
        (
            HOUR_TALLIES,
            select(hour, *ended, func.count()).where(RUNS.c.state == ENDED).group_by(hour, *ended),
        ),
        (
            FAULT_TALLIES,
            select(faults.c.fault, *of, func.count())
            .join(RUNS, RUNS.c.id == faults.c.run)
            .where(RUNS.c.state == ENDED)
            .group_by(faults.c.fault, *of),
        ),
    )
    return all(
        {tuple(each) for each in connection.execute(select(table).where(table.c.n != 0))}
        == {tuple(each) for each in connection.execute(asked)}
        for table, asked in there
    )


def _kinds(connection: Connection, run: RunRow) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    ended = {"outcome": run.outcome or "", "verdict": run.verdict or ""}
    of = {"repository": run.repository or "", "experiment": run.experiment, **ended}
    yield TALLIES, of
    yield HOUR_TALLIES, {"hour": run.created_ms // HOUR_MS, **ended}
    for fault in connection.scalars(select(STEPS.c.fault).where(STEPS.c.run == run.id).distinct()).all():
        yield FAULT_TALLIES, {"fault": fault, **of}
