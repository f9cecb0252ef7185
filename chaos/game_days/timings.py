"""Overhead of a game day: time for decisions, and for running each experiment beyond its phases. Pure."""

from collections.abc import Iterator, Mapping
from statistics import median

from chaos.analysis.result import Result
from chaos.game_days.day import Day, StageRecord
from chaos.game_days.learnt import DayTimings


def timings(day: Day, results: Mapping[str, Result]) -> DayTimings:
    """Of a run counts what it took, as the day saw it, longer than its own journal did."""
    around = list(_around(day, results))
    return DayTimings(
        decisions_s=round(sum(map(_decisions_s, day.stages)), 3),
        around_run_s=round(median(around), 3) if around else None,
        around_run_most_s=round(max(around), 3) if around else None,
    )


def _around(day: Day, results: Mapping[str, Result]) -> Iterator[float]:
    for ran in day.ran:
        result = results.get(ran.run_id or "")
        if result is not None and ran.ended_at is not None:
            took_s = (ran.ended_at - ran.started_at).total_seconds()
            yield max(0.0, took_s - result.timings.total_s)


def _decisions_s(stage: StageRecord) -> float:
    """From the end of the stage to the last decision after it; one that ended the stage itself took nothing."""
    if stage.ended_at is None or not stage.decisions:
        return 0.0
    return max(0.0, (stage.decisions[-1].at - stage.ended_at).total_seconds())
