"""The outcome and the verdict of several trials: the first rule that applies (docs/verdicts.md gives the reasons)."""

from collections.abc import Sequence
from typing import NamedTuple

from chaos.analysis import trials_words as words
from chaos.analysis.judged import JudgedTrial
from chaos.analysis.pairs import can_decide
from chaos.analysis.states_over import against, differing, states_over
from chaos.analysis.trials_result import StateOver
from chaos.analysis.verdict import sentence
from chaos.verdict import Outcome, Verdict

FEWEST_GOOD, MOST_UNSTEADY = 3, 0.2
"""With so many trials that held, a share of baselines that were not steady spoils nothing."""
_BADNESS = (Verdict.DEVIATED, Verdict.INCONCLUSIVE, Verdict.HELD)


class TrialsDecision(NamedTuple):
    """The verdict, its reason, and which trial shows it best."""

    verdict: Verdict
    why: str
    shown: JudgedTrial


class _Said(NamedTuple):
    """What the trials and controls of a series say when nothing deviated."""

    good: Sequence[JudgedTrial]
    beside: Sequence[JudgedTrial]
    left_out: int
    """Baselines that were not steady, beside so many that were that they are only counted."""
    spoilt: JudgedTrial | None
    """The first of the others that is not held."""


def outcome_of(judged: Sequence[JudgedTrial], states: Sequence[StateOver]) -> tuple[Outcome, str]:
    """That of the trial which ended the series; completed when none did and as many as needed were carried out."""
    last = next((each for each in judged if not each.may_follow), None)
    if last is not None:
        return last.result.outcome, f"{last.name}: {last.result.why}"
    asked = _asked(judged)
    if len(judged) < asked and not decided(judged, states):
        return Outcome.CRASHED, f"the journal stops after {len(judged)} of {asked} trials and controls"
    if all(each.result.outcome is Outcome.NOT_INJECTED for each in judged if not each.control):
        return judged[-1].result.outcome, f"{judged[-1].name}: {judged[-1].result.why}"
    return Outcome.COMPLETED, ""


def _asked(judged: Sequence[JudgedTrial]) -> int:
    series = judged[0].series
    return series.trials * (2 if series.control else 1)


def decided(judged: Sequence[JudgedTrial], states: Sequence[StateOver] | None = None) -> bool:
    """Whether a series until it is decided needs no more trials: held, deviated, or neither can be shown any more.

    It is asked after a whole pair only, so that what ends it is no matter of which of the two ran first.
    """
    series = judged[0].series
    if not series.until_decided or (series.control and len(judged) % 2):
        return False
    states = states_over(judged) if states is None else states
    if _proven(judged, states):
        return True
    said, left = _said(judged), (_asked(judged) - len(judged)) // (2 if series.control else 1)
    hurt = any(state.deviated for state in states)
    if not hurt and not said.spoilt:
        return len(said.good) >= series.needed
    if not series.control:
        return False
    found = (differing(state.name, judged) for state in states)
    return not any(can_decide(each, left, against(judged), series.trials) for each in found)


def decide_series(
    judged: Sequence[JudgedTrial], states: Sequence[StateOver], outcome: Outcome, outcome_why: str
) -> TrialsDecision:
    """The first rule that applies; a counterexample outranks a doubt, unless the controls explain it."""
    trials = [each for each in judged if not each.control]
    telling = min(trials or judged, key=lambda each: _BADNESS.index(each.result.verdict))
    if proven := _proven(judged, states):
        worst = max(proven, key=lambda state: state.deviated)
        where = _first_deviated(trials, worst)
        return TrialsDecision(Verdict.DEVIATED, words.deviated(worst, where), where)
    if outcome is not Outcome.COMPLETED:
        return TrialsDecision(Verdict.INCONCLUSIVE, sentence(outcome_why), telling)
    if hurt := [state for state in states if state.deviated]:
        where, more = _first_deviated(trials, hurt[0]), _asked(judged) - len(judged)
        return TrialsDecision(Verdict.INCONCLUSIVE, words.explained(hurt[0], where, more // 2), where)
    if not trials:
        why = f"there is no trial, only a control, which proves nothing of a fault: {judged[0].result.why}"
        return TrialsDecision(Verdict.INCONCLUSIVE, sentence(why), telling)
    good, beside, left_out, spoilt = _said(judged)
    if spoilt:
        return TrialsDecision(Verdict.INCONCLUSIVE, sentence(f"{spoilt.name}: {spoilt.result.why}"), telling)
    if judged[0].series.until_decided and len(good) < judged[0].series.needed:
        return TrialsDecision(Verdict.INCONCLUSIVE, words.too_few(good, beside, left_out), telling)
    return TrialsDecision(Verdict.HELD, words.held(good, beside, left_out), good[0])


def _first_deviated(trials: Sequence[JudgedTrial], state: StateOver) -> JudgedTrial:
    return next(each for each in trials if each.says(state.name) is Verdict.DEVIATED)


def _proven(judged: Sequence[JudgedTrial], states: Sequence[StateOver]) -> list[StateOver]:
    """The steady states of which chance does not explain the difference to the controls, where there are any."""
    hurt = [state for state in states if state.deviated]
    if not any(each.series.control for each in judged):
        return hurt
    old = any(each.result.rules == 1 for each in judged) and not judged[0].series.until_decided
    if old and (clear := [each for each in hurt if not each.controls_deviated]):
        return clear
    sure = against(judged)
    return [each for each in hurt if each.by_chance is not None and each.by_chance <= sure + 1e-6]


def _said(judged: Sequence[JudgedTrial]) -> _Said:
    steady = [each for each in judged if not _unsteady(each)]
    good = [each for each in steady if not each.control]
    if len(good) < FEWEST_GOOD or len(judged) - len(steady) > MOST_UNSTEADY * len(judged):
        steady, good = list(judged), [each for each in judged if not each.control]
    return _Said(
        good,
        [each for each in steady if each.control],
        len(judged) - len(steady),
        next((each for each in steady if each.result.verdict is not Verdict.HELD), None),
    )


def _unsteady(each: JudgedTrial) -> bool:
    """Whether it says nothing but that the app was not steady before anything was done to it."""
    return each.result.outcome is Outcome.NOT_INJECTED and each.may_follow
