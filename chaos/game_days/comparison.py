"""Comparison of a game day with the last one of its name: score, and each experiment."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from chaos.analysis.moments import percent
from chaos.analysis.result import Result
from chaos.explain import comparison
from chaos.game_days.learnt import DayComparison, DayReport, DayRun, ExperimentChange
from chaos.game_days.summing_up import listed
from chaos.verdict import Verdict

RECORD = "day.json"


def earlier(folder: Path, name: str) -> tuple[Path, DayReport] | None:
    """The newest day of that name before this one, beside it, that proved anything."""
    for each in comparison.folders_before(folder, name):
        found = day_in(each)
        if found is not None and found.game_day == name and found.score.coverage:
            return each, found
    return None


def day_in(folder: Path) -> DayReport | None:
    """The report of that day; one of another version, or half of one, is none."""
    try:
        return DayReport.model_validate_json((folder / RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def compare(
    now: DayReport, then: DayReport, results: Mapping[str, Result], earlier_results: Mapping[str, Result]
) -> DayComparison:
    """What changed from `then` to `now`; the results are those of both days, by run id."""
    here, there = _planned(now), _planned(then)
    rows = [
        _changed(name, here.get(name), there.get(name), results, earlier_results)
        for name in dict.fromkeys([*here, *there])
    ]
    changed = tuple(row for row in rows if row.now is not row.then or row.changes)
    return DayComparison(
        run_id=then.run_id,
        started_at=then.started_at,
        verdict=then.verdict,
        score=then.score.value,
        at_most=then.score.at_most,
        coverage=then.score.coverage,
        same_digest=now.digest == then.digest,
        experiments=changed,
        told=_told(now, then, changed),
    )


def _planned(day: DayReport) -> dict[str, DayRun | None]:
    """Of each experiment its last run that is no follow-up; None for what was planned and never begun."""
    runs: dict[str, DayRun | None] = dict.fromkeys(day.not_run)
    return runs | {run.experiment: run for run in day.runs if run.follow_up_of is None}


def _changed(
    name: str,
    now: DayRun | None,
    then: DayRun | None,
    results: Mapping[str, Result],
    earlier_results: Mapping[str, Result],
) -> ExperimentChange:
    here = results.get(now.run_id or "") if now else None
    there = earlier_results.get(then.run_id or "") if then else None
    previous = comparison.compare(here, there) if here and there else None
    said = (
        here and there and here.verdict is not there.verdict
    )  # its first change is the verdict, which has a place
    return ExperimentChange(
        experiment=name,
        now=now.verdict if now else None,
        then=then.verdict if then else None,
        same_digest=previous.same_digest if previous else None,
        changes=tuple(previous.changes[1 if said else 0 :]) if previous else (),
    )


def _told(now: DayReport, then: DayReport, changed: Sequence[ExperimentChange]) -> str:
    when = f"the day of {then.started_at:%Y-%m-%d %H:%M} UTC"
    parts = [_scored(now, then), *_moved(changed)]
    same = "" if now.digest == then.digest else " (another version of the day or of its experiments)"
    return f"Compared with {when}{same}: {'; '.join(parts)}."


def _scored(now: DayReport, then: DayReport) -> str:
    here, there = now.score, then.score
    if here.coverage != there.coverage:
        proven = percent(here.coverage), percent(there.coverage)
        return f"score {here.value} with {proven[0]} proven, then {there.value} with {proven[1]}"
    return (
        f"score {here.value} as then"
        if here.value == there.value
        else f"score {here.value}, then {there.value}"
    )


def _moved(changed: Sequence[ExperimentChange]) -> Iterator[str]:
    for now, words in (
        (Verdict.DEVIATED, "deviated and did not then"),
        (Verdict.HELD, "held and did not then"),
    ):
        if names := listed(row.experiment for row in changed if row.now is now is not row.then):
            yield f"{names} {words}"
    if lost := listed(row.experiment for row in changed if not _proven(row.now) and _proven(row.then)):
        yield f"{lost} proved nothing now"
    if numbers := listed(row.experiment for row in changed if row.now is row.then):
        yield f"the numbers of {numbers} changed beyond noise"
    if not changed:
        yield "nothing changed beyond noise"


def _proven(verdict: Verdict | None) -> bool:
    return verdict in (Verdict.HELD, Verdict.DEVIATED)
