"""Game days in the history: from their folders, and out again."""

from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, select

from chaos.game_days.learnt import DayReport
from chaos.history import files, origin
from chaos.history.errors import BadQuestion, RunNotIndexed
from chaos.history.models import DayRow, DayRunRow
from chaos.history.rows import MOST_BYTES, NAME, askable, check_id, milliseconds, number, path_text, text
from chaos.history.tables import DAY_RUNS, DAYS

JOURNAL, REPORT = "day.ndjson", "day.json"
_MOST = 200
_MOST_RUNS = 10_000


def take_day(folder: Path) -> tuple[DayRow, tuple[DayRunRow, ...]]:
    """The rows of a day. Raises RunNotIndexed."""
    where = path_text(folder)
    data = files.read(folder / REPORT, MOST_BYTES)
    if data is None:
        name = files.named(folder)
        raise RunNotIndexed(
            f"{name}: a game day without a report; when nobody conducts it, chaoslab gc closes it"
        )
    try:
        report = DayReport.model_validate_json(data)
    except ValidationError as error:
        raise RunNotIndexed(f"{files.named(folder / REPORT)}: is no game day of this version") from error
    check_id(folder, report.run_id, report.game_day)
    if len(report.runs) > _MOST_RUNS:
        raise RunNotIndexed(f"{where}: a game day of more than {_MOST_RUNS:,} runs")
    came = origin.of(folder)
    day = DayRow(
        id=report.run_id,
        name=report.game_day,
        repository=None if came.repository is None else text(came.repository, NAME),
        digest=text(report.digest, NAME),
        verdict=str(report.verdict),
        score=max(0, min(100, report.score.value)),
        coverage=number(report.score.coverage),
        started_ms=milliseconds(folder, report.started_at),
        ended_ms=None if report.ended_at is None else milliseconds(folder, report.ended_at),
        folder=where,
        fold=data.decode(),
    )
    runs = [(text(each.run_id, NAME), text(each.stage, NAME)) for each in report.runs if each.run_id]
    return day, tuple(DayRunRow(run=run, stage=stage, n=n) for n, (run, stage) in enumerate(runs))


def days(connection: Connection, limit: int, before_ms: int | None) -> tuple[DayRow, ...]:
    """See History."""
    if not 1 <= limit <= _MOST:
        raise BadQuestion(f"limit: {limit} is not between 1 and {_MOST}")
    columns = [each for each in DAYS.c if each.name != "fold"]
    asked = select(*columns).order_by(DAYS.c.started_ms.desc(), DAYS.c.id.desc()).limit(limit)
    if before_ms is not None:
        asked = asked.where(DAYS.c.started_ms < before_ms)
    return tuple(DayRow(**each) for each in connection.execute(asked).mappings())


def day(connection: Connection, id_: str) -> tuple[DayRow, tuple[DayRunRow, ...]] | None:
    """See History."""
    if not askable(id_):
        return None
    found = connection.execute(select(DAYS).where(DAYS.c.id == id_)).mappings().first()
    if found is None:
        return None
    columns = (DAY_RUNS.c.run, DAY_RUNS.c.stage, DAY_RUNS.c.n)
    runs = connection.execute(select(*columns).where(DAY_RUNS.c.day == id_).order_by(DAY_RUNS.c.n))
    return DayRow(**found), tuple(DayRunRow(**each) for each in runs.mappings())
