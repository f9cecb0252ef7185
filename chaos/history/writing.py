"""Writer of runs and game days: each function is one part of one exclusive transaction."""

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, or_, select, update

from chaos.history import files
from chaos.history.errors import HistoryError, RunNotIndexed
from chaos.history.models import ENDED, ArtifactRow, DayRow, DayRunRow, RunRow, SteadyRow, StepRow
from chaos.history.rows import RESULT, RunRows
from chaos.history.tables import (
    ARTIFACTS,
    DAY_RUNS,
    DAYS,
    LABELS,
    RESULTS,
    RUNS,
    STEADY_STATES,
    STEPS,
    TALLIES,
)

_SAID_ELSEWHERE = ("repository", "commit", "source", "started_by", "machine", "worker")
"""What a folder may not know, and whoever watched the run does."""
_FIELDS = tuple(each.name for each in fields(RunRow))


def row_of(found: Row[Any]) -> RunRow:
    """Of a row of the table, whose columns are the fields in their order."""
    return RunRow(**dict(zip(_FIELDS, found, strict=True)))


def known(connection: Connection, *ids: str | None) -> RunRow | None:
    """The run that one of these ids is of, its flow run's or its own; the first that fits."""
    for each in ids:
        if each is not None:
            where = or_(RUNS.c.id == each, RUNS.c.run_id == each, RUNS.c.flow_run == each)
            if (found := connection.execute(select(RUNS).where(where)).first()) is not None:
                return row_of(found)
    return None


def stored(connection: Connection, id_: str) -> RunRows | None:
    """Everything that is known of a run; None when there is none."""
    run = known(connection, id_)
    if run is None:
        return None

    def rows(table: Table, order: str) -> list[dict[str, Any]]:
        found = connection.execute(select(table).where(table.c.run == run.id).order_by(table.c[order]))
        return [{key: value for key, value in each.items() if key != "run"} for each in found.mappings()]

    results = rows(RESULTS, "run")
    return RunRows(
        run=run,
        result=results[0]["result"] if results else None,
        model=results[0]["analysis_model"] if results else None,
        labels=tuple((each["key"], each["value"]) for each in rows(LABELS, "key")),
        steps=tuple(StepRow(**each) for each in rows(STEPS, "n")),
        steady_states=tuple(SteadyRow(**each) for each in rows(STEADY_STATES, "n")),
        artifacts=tuple(ArtifactRow(**each) for each in rows(ARTIFACTS, "name")),
    )


def put(connection: Connection, taken: RunRows) -> tuple[RunRow, str]:
    """The run as it now is, and whether it was `added`, `changed` or `unchanged`. Raises RunNotIndexed.

    Two folders that say to be one run: the second is a copy when it says the same, and else put aside.
    """
    run = taken.run
    before = known(connection, run.run_id)
    queued = known(connection, run.flow_run)
    _check(run, before, queued)
    was = before or queued
    then = stored(connection, was.id) if was else None
    if then is not None and _is_copy(then, taken):
        return then.run, "unchanged"
    taken = replace(taken, run=_completed(connection, run, was))
    if then is not None and then == taken:
        return then.run, "unchanged"
    if before is not None and queued is not None and before.id != queued.id:
        _forget(connection, before)  # its own row, and that of the flow run that it turned out to be
        was = queued
    _keep(connection, taken, was)
    added = then is None or then.run.state != ENDED
    return taken.run, "added" if added else "changed"


def observe(connection: Connection, row: RunRow) -> RunRow:
    """Note what is known of a run that nobody has a result of; of others, only what their results do not say."""
    was = known(connection, row.flow_run, row.run_id, row.id)
    if was is None:
        _keep_row(connection, row, None)
        return row
    said = {key: value for key, value in asdict(row).items() if value is not None}
    if was.outcome is not None or was.verdict is not None:
        said = {key: said[key] for key in _SAID_ELSEWHERE if key in said and getattr(was, key) is None}
        said |= {"flow_run": row.flow_run} if was.flow_run is None and row.flow_run else {}
    now = replace(was, **said)
    now = replace(now, id=now.flow_run or now.run_id or now.id)
    if now != was:
        _keep_row(connection, now, was)
    return now


def put_day(connection: Connection, day: DayRow, runs: tuple[DayRunRow, ...]) -> str:
    """Whether the day was `added`, `changed` or `unchanged`."""
    found = connection.execute(select(DAYS).where(DAYS.c.id == day.id)).mappings().first()
    if found is not None and dict(found) == asdict(day):
        return "unchanged"
    connection.execute(delete(DAYS).where(DAYS.c.id == day.id))
    connection.execute(insert(DAYS), asdict(day))
    if runs:
        connection.execute(insert(DAY_RUNS), [{"day": day.id, **asdict(each)} for each in runs])
        names = [each.run for each in runs]
        connection.execute(update(RUNS).where(RUNS.c.run_id.in_(names)).values(game_day=day.id))
    return "added" if found is None else "changed"


def tally(connection: Connection, run: RunRow, by: int) -> None:
    """Count an ended run, or no longer."""
    if run.state != ENDED:
        return
    kind = {
        "repository": run.repository or "",
        "experiment": run.experiment,
        "outcome": run.outcome or "",
        "verdict": run.verdict or "",
    }
    where = [TALLIES.c[key] == value for key, value in kind.items()]
    changed = connection.execute(update(TALLIES).where(*where).values(n=TALLIES.c.n + by))
    if changed.rowcount == 0:
        connection.execute(insert(TALLIES), {**kind, "n": by})


def _check(run: RunRow, before: RunRow | None, queued: RunRow | None) -> None:
    """Whether somebody else's run is meant. Raises RunNotIndexed."""
    for each in (before, queued):
        if each is not None and each.experiment != run.experiment:
            raise RunNotIndexed(
                f"{run.folder}: it says it is run {each.run_id or each.id}, of another experiment"
            )
    if queued is not None and queued.run_id not in (None, run.run_id):
        raise RunNotIndexed(
            f"{run.folder}: it says it is flow run {run.flow_run}, which is run {queued.run_id}"
        )


def _is_copy(then: RunRows, now: RunRows) -> bool:
    """Whether the same run is at another place, too. Raises RunNotIndexed when it is not the same."""
    elsewhere = then.run.folder is not None and then.run.folder != now.run.folder
    there = elsewhere and files.seen(Path(str(then.run.folder)) / RESULT) is not None
    if there and then.result != now.result:
        said = f"it says it is run {then.run.run_id}, which is at {then.run.folder} with another result"
        raise RunNotIndexed(f"{now.run.folder}: {said}")
    return there


def _completed(connection: Connection, run: RunRow, was: RunRow | None) -> RunRow:
    """With what others know of it: who watched it, and the game day that it belongs to."""
    more = {key: getattr(was, key) for key in _SAID_ELSEWHERE if was and getattr(run, key) is None}
    if was is not None and run.flow_run is None and was.flow_run is not None:
        more |= {"flow_run": was.flow_run, "id": was.flow_run}
    day = connection.scalar(select(DAY_RUNS.c.day).where(DAY_RUNS.c.run == run.run_id))
    return replace(run, **more, game_day=day)


def _keep(connection: Connection, taken: RunRows, was: RunRow | None) -> None:
    _keep_row(connection, taken.run, was)
    of = {"run": taken.run.id}
    for table in (RESULTS, LABELS, STEPS, STEADY_STATES, ARTIFACTS):
        connection.execute(delete(table).where(table.c.run == taken.run.id))
    if taken.result is not None:
        said = {**of, "result": taken.result, "analysis_model": taken.model}
        connection.execute(insert(RESULTS), said)
    if taken.labels:
        connection.execute(insert(LABELS), [{**of, "key": key, "value": each} for key, each in taken.labels])
    for table, rows in (
        (STEPS, taken.steps),
        (STEADY_STATES, taken.steady_states),
        (ARTIFACTS, taken.artifacts),
    ):
        if rows:
            connection.execute(insert(table), [{**of, **asdict(each)} for each in rows])


def _keep_row(connection: Connection, row: RunRow, was: RunRow | None) -> None:
    if was is None:
        connection.execute(insert(RUNS), asdict(row))
    else:
        tally(connection, was, -1)
        done = connection.execute(update(RUNS).where(RUNS.c.id == was.id).values(**asdict(row)))
        if done.rowcount != 1:
            raise HistoryError(f"{was.id}: is not in the history any more")
    tally(connection, row, 1)


def _forget(connection: Connection, run: RunRow) -> None:
    tally(connection, run, -1)
    connection.execute(delete(RUNS).where(RUNS.c.id == run.id))
