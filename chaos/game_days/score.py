"""The resilience score of a game day: 0 to 100, of what was proven; what was not proven never raises it.

    score     100 · Σ w·s / Σ w      over every experiment that was planned, whether it ran or not
    coverage  Σ w of those that proved something, held or deviated, / Σ w
    at most   what the score would be had everything without proof held

`w` is the experiment's weight on that day, 1 unless the manifest says otherwise. `s` is 1 when it held; half of the
share of its steady states that held when it deviated, so that what deviated never counts more than half of what held; 0
without proof: inconclusive, aborted, not injected, crashed, not run. Follow-ups do not count: they look closer at what
has counted already. Whole numbers are rounded down: 100 is only ever everything held.
"""

import math
from collections.abc import Mapping, Sequence

from pydantic import Field

from chaos.analysis.part import ResultPart
from chaos.analysis.result import Result
from chaos.game_days.day import Day, Ran
from chaos.verdict import Verdict

DEVIATED_AT_MOST = 0.5
"""Of an experiment that deviated though all but one of its many steady states held."""


class ScoredExperiment(ResultPart):
    """What one planned experiment adds."""

    experiment: str
    weight: float
    proven: bool
    kept: float = Field(ge=0, le=1)
    """`s` of the formula."""


class Score(ResultPart):
    """The score with everything it is made of."""

    value: int
    at_most: int
    coverage: float
    """Share of the weight that proved something, 0 to 1."""
    counted: tuple[ScoredExperiment, ...]


def score(day: Day, results: Mapping[str, Result]) -> Score:
    """The score of `day`; `results` are those of its runs, by run id."""
    planned = [each for each in day.ran if each.follow_up_of is None]
    counted = [_counted(each, day, results.get(each.run_id or "")) for each in planned]
    counted += [_nothing(name, day) for name in day.not_run]
    return _summed(counted)


def _summed(counted: Sequence[ScoredExperiment]) -> Score:
    total = sum(each.weight for each in counted)
    kept = sum(each.weight * each.kept for each in counted)
    unproven = sum(each.weight for each in counted if not each.proven)
    return Score(
        value=_floor(kept, total),
        at_most=_floor(kept + unproven, total) if total else 100,
        coverage=(total - unproven) / total if total else 0.0,
        counted=tuple(counted),
    )


def _floor(part: float, whole: float) -> int:
    """Of a hundred; a hair of slack, so that sums of weights like 0.1 do not lose a point."""
    return math.floor(100 * part / whole + 1e-9) if whole else 0


def _counted(ran: Ran, day: Day, result: Result | None) -> ScoredExperiment:
    proven = ran.verdict in (Verdict.HELD, Verdict.DEVIATED)
    kept = 1.0 if ran.verdict is Verdict.HELD else DEVIATED_AT_MOST * _share(result) if proven else 0.0
    return _nothing(ran.experiment, day).model_copy(update={"proven": proven, "kept": kept})


def _nothing(experiment: str, day: Day) -> ScoredExperiment:
    return ScoredExperiment(
        experiment=experiment, weight=day.weights.get(experiment, 1.0), proven=False, kept=0.0
    )


def _share(result: Result | None) -> float:
    """Of its steady states, those that held."""
    if result is None or not result.steady_state:
        return 0.0
    return sum(state.verdict is Verdict.HELD for state in result.steady_state) / len(result.steady_state)
