"""The outcome and the verdict of several trials: the first rule that applies (docs/verdicts.md gives the reasons)."""

from collections.abc import Sequence
from typing import NamedTuple

from chaos.measure.intervals import failures_left
from chaos.measure.judged import Judged
from chaos.measure.moments import percent
from chaos.measure.trials_result import StateOver
from chaos.measure.verdict import sentence
from chaos.verdict import Outcome, Verdict

ALPHA = 0.05
"""A difference to the controls that chance makes less often than this is the fault's."""
_BADNESS = (Verdict.DEVIATED, Verdict.INCONCLUSIVE, Verdict.HELD)


class Decision(NamedTuple):
    """The verdict, its reason, and which trial shows it best."""

    verdict: Verdict
    why: str
    shown: Judged


def outcome_of(judged: Sequence[Judged]) -> tuple[Outcome, str]:
    """That of the trial which ended the series; completed when none did and all were carried out."""
    last = next((each for each in judged if not each.may_follow), None)
    if last is not None:
        return last.result.outcome, f"{last.name}: {last.result.why}"
    asked = judged[0].planned * (2 if judged[0].controlled else 1)
    if len(judged) < asked:
        return Outcome.CRASHED, f"the journal stops after {len(judged)} of {asked} trials and controls"
    if all(each.result.outcome is Outcome.NOT_INJECTED for each in judged if not each.control):
        return judged[-1].result.outcome, f"{judged[-1].name}: {judged[-1].result.why}"
    return Outcome.COMPLETED, ""


def decide_series(
    trials: Sequence[Judged],
    controls: Sequence[Judged],
    states: Sequence[StateOver],
    outcome: Outcome,
    outcome_why: str,
) -> Decision:
    """The first rule that applies; a counterexample outranks a doubt, unless the controls explain it."""
    telling = min(trials or controls, key=lambda each: _BADNESS.index(each.result.verdict))
    hurt = [state for state in states if state.deviated]
    if proven := [state for state in hurt if _is_the_faults(state, len(states))]:
        worst = max(proven, key=lambda state: state.deviated)
        where = next(each for each in trials if each.says(worst.name) is Verdict.DEVIATED)
        return Decision(Verdict.DEVIATED, _deviated(worst, where), where)
    if outcome is not Outcome.COMPLETED:
        return Decision(Verdict.INCONCLUSIVE, sentence(outcome_why), telling)
    if hurt:
        return Decision(Verdict.INCONCLUSIVE, _also_without(hurt[0]), telling)
    if not trials:
        why = f"there is no trial, only a control, which proves nothing of a fault: {controls[0].result.why}"
        return Decision(Verdict.INCONCLUSIVE, sentence(why), telling)
    for each in (*trials, *controls):
        if each.result.verdict is not Verdict.HELD:
            return Decision(Verdict.INCONCLUSIVE, sentence(f"{each.name}: {each.result.why}"), telling)
    return Decision(Verdict.HELD, _held(trials, controls), telling)


def _is_the_faults(state: StateOver, of: int) -> bool:
    """Whether the controls do not explain it: none deviated, or so few that chance (over `of` looks) is ruled out."""
    return not state.controls_deviated or (state.by_chance or 0.0) <= ALPHA / of


def _deviated(state: StateOver, where: Judged) -> str:
    seen = where.state(state.name)
    said = f"“{state.name}” deviated in {_of(state.deviated, state.trials, 'trial')}"
    share = f" (95 % interval {percent(state.low)} to {percent(state.high)})" if state.trials > 1 else ""
    beside = f" and in {_of(state.controls_deviated, state.controls, 'control')}" if state.controls else ""
    return sentence(f"{said}{share}{beside}; in {where.name}: {seen.why if seen else ''}")


def _also_without(state: StateOver) -> str:
    said = f"“{state.name}” deviated in {_of(state.deviated, state.trials, 'trial')}"
    beside = f"also without the fault, in {_of(state.controls_deviated, state.controls, 'control')}"
    chance = f"; by chance alone {percent(state.by_chance)}" if state.by_chance is not None else ""
    return f"{said}, but {beside}{chance}."


def _held(trials: Sequence[Judged], controls: Sequence[Judged]) -> str:
    count = len(trials)
    every = f"held in {_of(count, count, 'trial')}"
    beside = f" and {_of(len(controls), len(controls), 'control')}" if controls else ""
    left = (
        f"which leaves a failure probability of up to {percent(failures_left(count))} open (95 % confidence)"
    )
    return f"{sentence(f'{every}{beside}, {left}')} {trials[0].result.why}"


def _of(part: int, whole: int, noun: str) -> str:
    return f"{part} of {whole} {noun}{'s' * (whole != 1)}"
