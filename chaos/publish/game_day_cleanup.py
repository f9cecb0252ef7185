"""Clean-up of game days whose process died: their journals say what ran, and they get their reports."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from chaos.analysis.result import Result
from chaos.errors import ChaosLabError
from chaos.explain.comparison import result_in
from chaos.game_days import record
from chaos.game_days.day import Day, Ran
from chaos.publish import game_day_report as reporting
from chaos.runner.isolation import close_apart
from chaos.runner.stages import analyze
from chaos.runs.active import DAYS, Left, abandoned
from chaos.runs.directory import Run
from chaos.runs.journal import Journal
from chaos.verdict import Outcome, Verdict

DIED = "the process that carried out this day died"


class ClosedGameDay(NamedTuple):
    """What became of a game day that was left behind."""

    left: Left
    day: Day | None
    """None when it died before its first word, or is put aside."""
    aside: str | None
    """Why it could not be closed, and is not tried again."""


async def close_abandoned() -> AsyncIterator[ClosedGameDay]:
    """End every day whose process died, and write its report, each in a process of its own (`chaos.runner.isolation`).

    Close what its experiments left first (`chaos.runner.cleanup`): then their results are there.
    """
    for left in abandoned(DAYS):
        why = await close_apart(left, DAYS)
        yield ClosedGameDay(left, _day_in(left.run.folder) if why is None else None, why)


def _day_in(folder: Path) -> Day | None:
    """The day that was closed there; it has been read once, within the limits of that process."""
    try:
        return record.fold(record.journal_of(folder).events())
    except (ChaosLabError, ValueError, TypeError, KeyError):
        return None


def close_day(folder: Path) -> None:
    """Do it, in this process. Raises ChaosLabError when its files cannot be read or written."""
    journal = record.journal_of(folder)
    if not journal.path.exists():
        return
    journal.mend()
    if not record.is_day(journal.path):
        return
    day = record.fold(journal.events())
    for ran in day.ran:
        if ran.ended_at is None:
            _end(journal, ran)
    if day.ended is None:
        record.append(journal, "day.ended", ended="crashed", why=DIED)
    day = record.fold(journal.events())
    reporting.write(day, folder)


def _end(journal: Journal, ran: Ran) -> None:
    """Of an experiment that was under way: what its own folder says, else that nobody was left to say."""
    said = {"outcome": Outcome.CRASHED, "verdict": Verdict.INCONCLUSIVE, "why": DIED}
    result = _result(Path(ran.folder)) if ran.folder else None
    if result is not None:
        said = {"outcome": result.outcome, "verdict": result.verdict, "why": result.why}
    which = {"experiment": ran.experiment, "follow_up_of": ran.follow_up_of, "run_id": ran.run_id}
    record.append(journal, "experiment.ended", **which, **said, flow_run=ran.flow_run)


def _result(folder: Path) -> Result | None:
    """What was written, or else what its journal amounts to, when that was closed before the process died."""
    run = Run(folder.name, folder)
    if (written := result_in(folder)) is not None or not run.journal.path.exists():
        return written
    return analyze(run) if run.journal.latest("run.ended") else None
