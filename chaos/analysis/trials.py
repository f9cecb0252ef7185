"""Several trials and their controls together: one result.

The numbers of a series are all of its trials'; its steps, steady states and charts are those of the most telling one.
"""

from collections.abc import Sequence

from chaos.analysis.intervals import failures_left
from chaos.analysis.judged import JudgedTrial
from chaos.analysis.result import Result, Timings
from chaos.analysis.states_over import states_over
from chaos.analysis.trial_numbers import numbers
from chaos.analysis.trials_result import TrialResult, TrialsResult
from chaos.analysis.trials_verdict import TrialsDecision, decide_series, outcome_of
from chaos.events import Event, segments
from chaos.verdict import Outcome, Verdict


def shown(events: Sequence[Event], result: Result) -> Sequence[Event]:
    """The events of the trial that the result shows: of a single run all of them."""
    return events if result.trials is None else segments(events)[result.trials.shown]


def together(judged: Sequence[JudgedTrial]) -> Result:
    """The result of a series, from its trials and controls in the order they ran."""
    trials = [each for each in judged if not each.control]
    controls = [each for each in judged if each.control]
    states = states_over(judged)
    outcome, outcome_why = outcome_of(judged, states)
    decision = decide_series(judged, states, outcome, outcome_why)
    series, best = judged[0].series, decision.shown
    found = TrialsResult(
        planned=series.trials,
        controlled=series.control,
        until_decided=series.until_decided,
        shown=list(judged).index(best),
        failures_left=round(failures_left(_held(trials)), 4) if decision.verdict is Verdict.HELD else None,
        segments=[_segment(each) for each in judged],
        steady_state=states,
        numbers=numbers(_whole(trials), _whole(controls)),
    )
    return _with(best.result, judged, outcome, decision, found)


def _held(trials: Sequence[JudgedTrial]) -> int:
    """How many of them held."""
    return sum(each.result.verdict is Verdict.HELD for each in trials)


def _with(
    best: Result,
    judged: Sequence[JudgedTrial],
    outcome: Outcome,
    decision: TrialsDecision,
    found: TrialsResult,
) -> Result:
    """The most telling trial's result, saying of the whole what is about the whole."""
    results = [each.result for each in judged]
    kept = next((result.sandbox for result in results if not result.sandbox.destroyed), best.sandbox)
    doubts = [f"{each.name}: {doubt}" for each in judged for doubt in each.result.doubts]
    reason = [] if decision.verdict is not Verdict.INCONCLUSIVE else [decision.why.rstrip(".")]
    return best.model_copy(
        update={
            "outcome": outcome,
            "verdict": decision.verdict,
            "why": decision.why,
            "started_at": results[0].started_at,
            "ended_at": results[-1].ended_at,
            "doubts": [*reason, *doubts],
            "timings": _timings(results, best.timings.sandbox_s),
            "sandbox": kept,
            "trials": found,
        }
    )


def _timings(results: Sequence[Result], sandbox_s: float | None) -> Timings:
    declared_s = sum(result.timings.declared_s for result in results)
    total_s = sum(result.timings.total_s for result in results)
    return Timings(
        sandbox_s=sandbox_s,
        declared_s=declared_s,
        overhead_s=round(total_s - declared_s, 4),
        total_s=round(total_s, 4),
    )


def _segment(each: JudgedTrial) -> TrialResult:
    result = each.result
    return TrialResult(
        trial=each.trial,
        control=each.control,
        outcome=result.outcome,
        verdict=result.verdict,
        why=result.why,
        started_at=result.started_at,
    )


def _whole(judged: Sequence[JudgedTrial]) -> dict[int, Result]:
    return {each.trial: each.result for each in judged if each.whole}
