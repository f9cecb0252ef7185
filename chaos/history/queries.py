"""Queries of the index; none of them reads result files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, literal, or_, select, text, tuple_

from chaos.analysis.moments import iso
from chaos.history.cursors import after, cursor
from chaos.history.errors import BadQuestion, Gone
from chaos.history.migrations import schema
from chaos.history.models import (
    ENDED,
    PRUNED,
    Detail,
    Filters,
    HistoryPage,
    Point,
    RunCounts,
    RunRow,
    Summary,
)
from chaos.history.rows import RESULT, askable
from chaos.history.tables import ARTIFACTS, LABELS, RESULTS, RUNS, STEPS, TALLIES
from chaos.history.writing import known, row_of, stored

MOST = 200
MOST_POINTS = 2000
_POINT = tuple(Point.__dataclass_fields__)
_TALLIED = ("experiment", "repository", "outcome", "verdict")
_NEWEST = (RUNS.c.created_ms.desc(), RUNS.c.id.desc())


def get(connection: Connection, id_: str) -> Detail | None:
    """See History."""
    if not askable(id_) or (found := stored(connection, id_)) is None:
        return None
    return Detail(
        run=found.run,
        labels=dict(found.labels),
        steps=found.steps,
        steady_states=found.steady_states,
        artifacts=found.artifacts,
    )


def result(connection: Connection, id_: str) -> str | None:
    """See History."""
    run = known(connection, id_) if askable(id_) else None
    if run is None:
        return None
    found = connection.scalar(select(RESULTS.c.result).where(RESULTS.c.run == run.id))
    if found is None:
        gone = (ARTIFACTS.c.run == run.id, ARTIFACTS.c.name == RESULT, ARTIFACTS.c.where == PRUNED)
        if (at_ms := connection.scalar(select(ARTIFACTS.c.delivered_ms).where(*gone))) is not None:
            raise Gone(
                f"{run.run_id}: its result was removed at {iso(at_ms / 1000)}: it is not kept for so long"
            )
    return found


def page(connection: Connection, filters: Filters, limit: int, at: str | None) -> HistoryPage:
    """See History."""
    if not 1 <= limit <= MOST:
        raise BadQuestion(f"limit: {limit} is not between 1 and {MOST}")
    asked = select(RUNS).where(*_meant(filters)).order_by(*_NEWEST).limit(limit + 1)
    if at is not None:
        created_ms, id_ = after(filters, at)
        asked = asked.where(tuple_(RUNS.c.created_ms, RUNS.c.id) < tuple_(literal(created_ms), literal(id_)))
    found = [row_of(each) for each in connection.execute(asked)]
    shown = found[:limit]
    more = cursor(filters, shown[-1].created_ms, shown[-1].id) if len(found) > limit else None
    return HistoryPage(_summaries(connection, shown), more)


def trend(
    connection: Connection, experiment: str, limit: int, repository: str | None = None
) -> tuple[Point, ...]:
    """See History."""
    if not 1 <= limit <= MOST_POINTS:
        raise BadQuestion(f"limit: {limit} is not between 1 and {MOST_POINTS}")
    _check(Filters(experiment=experiment, repository=repository))
    where = [RUNS.c.experiment == experiment, RUNS.c.state == ENDED]
    where += [] if repository is None else [RUNS.c.repository == repository]
    columns = [RUNS.c[name] for name in _POINT]
    found = connection.execute(select(*columns).where(*where).order_by(*_NEWEST).limit(limit)).mappings()
    return tuple(reversed([Point(**each) for each in found]))


def counts(connection: Connection, filters: Filters) -> RunCounts:
    """See History."""
    _check(filters)
    plain = all(value in (None, ()) for key, value in _asdict(filters).items() if key not in _TALLIED)
    kinds = connection.execute(_tallied(filters) if plain else _counted(filters)).all()
    verdicts: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for outcome, verdict, n in kinds:
        verdicts[verdict] += int(n)
        outcomes[outcome] += int(n)
    under_way = select(func.count()).select_from(RUNS).where(RUNS.c.state != ENDED, *_meant(filters))
    live = connection.scalar(under_way) or 0
    total = live + verdicts.total()
    found = [{key: n for key, n in each.items() if key and n} for each in (verdicts, outcomes)]
    return RunCounts(total=total, live=live, verdicts=found[0], outcomes=found[1])


def live(connection: Connection) -> tuple[RunRow, ...]:
    """See History."""
    asked = select(RUNS).where(RUNS.c.state != ENDED).order_by(*_NEWEST)
    return tuple(row_of(each) for each in connection.execute(asked))


def _asdict(filters: Filters) -> Mapping[str, Any]:
    return {name: getattr(filters, name) for name in Filters.__dataclass_fields__}


def _tallied(filters: Filters) -> Select[Any]:
    said = {name: getattr(filters, name) for name in _TALLIED}
    where = [TALLIES.c[name] == value for name, value in said.items() if value is not None]
    kinds = select(TALLIES.c.outcome, TALLIES.c.verdict, func.sum(TALLIES.c.n).label("n"))
    return kinds.where(*where).group_by(TALLIES.c.outcome, TALLIES.c.verdict)


def _counted(filters: Filters) -> Select[Any]:
    outcome, verdict = (func.coalesce(each, "") for each in (RUNS.c.outcome, RUNS.c.verdict))
    kinds = select(outcome, verdict, func.count().label("n"))
    return kinds.where(RUNS.c.state == ENDED, *_meant(filters)).group_by(outcome, verdict)


def _meant(filters: Filters) -> list[ColumnElement[bool]]:
    _check(filters)
    same = ("experiment", "repository", "verdict", "outcome", "game_day")
    said = {name: getattr(filters, name) for name in same}
    where = [RUNS.c[name] == value for name, value in said.items() if value is not None]
    if filters.state is not None:
        where.append(RUNS.c.state == ENDED if filters.state == ENDED else RUNS.c.state != ENDED)
    if filters.since_ms is not None:
        where.append(RUNS.c.created_ms >= filters.since_ms)
    if filters.until_ms is not None:
        where.append(RUNS.c.created_ms < filters.until_ms)
    if filters.fault is not None:
        where.append(exists().where(STEPS.c.run == RUNS.c.id, STEPS.c.fault == filters.fault))
    for key, value in filters.labels:
        where.append(exists().where(LABELS.c.run == RUNS.c.id, LABELS.c.key == key, LABELS.c.value == value))
    if filters.q:
        words = [
            RUNS.c[name].icontains(filters.q, autoescape=True) for name in ("experiment", "run_id", "why")
        ]
        where.append(or_(*words))
    return where


def _check(filters: Filters) -> None:
    for name, value in _asdict(filters).items():
        each = [word for pair in value for word in pair] if name == "labels" else [value]
        if not all(one is None or askable(one) for one in each):
            raise BadQuestion(f"{name}: nothing that can be looked for")
    if filters.state not in (None, "live", ENDED):
        raise BadQuestion("state: expected live or ended")


def _summaries(connection: Connection, runs: Sequence[RunRow]) -> tuple[Summary, ...]:
    ids = [each.id for each in runs]
    labels: dict[str, dict[str, str]] = {}
    faults: dict[str, dict[str, None]] = {}
    if ids:
        asked = select(LABELS).where(LABELS.c.run.in_(ids)).order_by(LABELS.c.key)
        for run, key, value in connection.execute(asked):
            labels.setdefault(run, {})[key] = value
        steps = (
            select(STEPS.c.run, STEPS.c.fault).where(STEPS.c.run.in_(ids)).order_by(STEPS.c.run, STEPS.c.n)
        )
        for run, fault in connection.execute(steps):
            faults.setdefault(run, {})[fault] = None
    return tuple(
        Summary(run=each, labels=labels.get(each.id, {}), faults=tuple(faults.get(each.id, {})))
        for each in runs
    )


def meta(connection: Connection) -> dict[str, int]:
    """Its schema, how many runs there are, and how many bytes it takes."""
    if connection.dialect.name == "sqlite":
        size = text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
    else:
        size = text(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE n.nspname = 'chaoslab' AND c.relkind = 'r'"
        )
    runs = counts(connection, Filters()).total
    return {"schema": schema(connection), "runs": runs, "bytes": int(connection.execute(size).scalar_one())}
