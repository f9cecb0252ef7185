"""Close the game days whose process died: their journals say what ran, and they get their reports all the same."""

from collections.abc import Iterator
from pathlib import Path

from chaos import runner
from chaos.analyzers.comparison import result_in
from chaos.game_days import record, reporting
from chaos.game_days.day import Day, Ran
from chaos.journal import Journal
from chaos.measure.result import Result
from chaos.run import Run
from chaos.under_way import DAYS, Left, left_behind
from chaos.verdict import Outcome, Verdict

DIED = "the process that carried out this day died"


def close_abandoned() -> Iterator[tuple[Left, Day | None]]:
    """End every day whose process died, and write its report; no day when it died before its first word.

    Close what its experiments left first (`chaos.reaping`): then their results are there. Raises ChaosLabError.
    """
    for left in left_behind(DAYS):
        yield left, _closed(left.run.folder)


def _closed(folder: Path) -> Day | None:
    journal = record.journal_of(folder)
    if not journal.path.exists():
        return None
    journal.mend()
    if not record.is_day(journal.path):
        return None
    day = record.fold(journal.events())
    for ran in day.ran:
        if ran.ended_at is None:
            _end(journal, ran)
    if day.ended is None:
        record.tell(journal, "day.ended", ended="crashed", why=DIED)
    day = record.fold(journal.events())
    reporting.write(day, folder)
    return day


def _end(journal: Journal, ran: Ran) -> None:
    """Of an experiment that was under way: what its own folder says, else that nobody was left to say."""
    said = {"outcome": Outcome.CRASHED, "verdict": Verdict.INCONCLUSIVE, "why": DIED}
    result = _result(Path(ran.folder)) if ran.folder else None
    if result is not None:
        said = {"outcome": result.outcome, "verdict": result.verdict, "why": result.why}
    which = {"experiment": ran.experiment, "follow_up_of": ran.follow_up_of, "run_id": ran.run_id}
    record.tell(journal, "experiment.ended", **which, **said, flow_run=ran.flow_run)


def _result(folder: Path) -> Result | None:
    """What was written, or else what its journal amounts to, when that was closed before the process died."""
    run = Run(folder.name, folder)
    if (written := result_in(folder)) is not None or not run.journal.path.exists():
        return written
    return runner.analyze(run) if run.journal.latest("run.ended") else None
