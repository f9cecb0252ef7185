"""The outcome and the verdict of several trials: the first rule that applies (docs/verdicts.md gives the reasons)."""

from collections.abc import Sequence
from typing import NamedTuple

from chaos.binomial import SIGNIFICANCE
from chaos.measure.intervals import failures_left
from chaos.measure.judged import Judged
from chaos.measure.moments import percent
from chaos.measure.trials_result import StateOver
from chaos.measure.verdict import sentence
from chaos.verdict import Outcome, Verdict

FEWEST_GOOD, MOST_UNSTEADY = 3, 0.2
"""With so many trials that held, a share of baselines that were not steady spoils nothing."""
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
    significance = next((each.result.significance for each in (*trials, *controls)), None) or SIGNIFICANCE
    controlled = any(each.controlled for each in (*trials, *controls))
    telling = min(trials or controls, key=lambda each: _BADNESS.index(each.result.verdict))
    hurt = [state for state in states if state.deviated]
    old = any(each.result.rules == 1 for each in (*trials, *controls))
    clear = [each for each in hurt if not controlled or (old and not each.controls_deviated)]
    if proven := clear or [each for each in hurt if _is_the_faults(each, significance / len(states))]:
        worst = max(proven, key=lambda state: state.deviated)
        where = next(each for each in trials if each.says(worst.name) is Verdict.DEVIATED)
        return Decision(Verdict.DEVIATED, _deviated(worst, where), where)
    if outcome is not Outcome.COMPLETED:
        return Decision(Verdict.INCONCLUSIVE, sentence(outcome_why), telling)
    if hurt:
        where = next(each for each in trials if each.says(hurt[0].name) is Verdict.DEVIATED)
        return Decision(Verdict.INCONCLUSIVE, _by_chance(hurt[0], where), where)
    if not trials:
        why = f"there is no trial, only a control, which proves nothing of a fault: {controls[0].result.why}"
        return Decision(Verdict.INCONCLUSIVE, sentence(why), telling)
    steady = [each for each in (*trials, *controls) if not _unsteady(each)]
    good = [each for each in trials if each in steady]
    if not _may_be_left_out(len(trials) + len(controls), len(steady), len(good)):
        steady, good = [*trials, *controls], list(trials)
    for each in steady:
        if each.result.verdict is not Verdict.HELD:
            return Decision(Verdict.INCONCLUSIVE, sentence(f"{each.name}: {each.result.why}"), telling)
    left_out = len(trials) + len(controls) - len(steady)
    return Decision(
        Verdict.HELD, _held(good, [each for each in controls if each in steady], left_out), good[0]
    )


def _unsteady(each: Judged) -> bool:
    """Whether it says nothing but that the app was not steady before anything was done to it."""
    return each.result.outcome is Outcome.NOT_INJECTED and each.may_follow


def _may_be_left_out(count: int, steady: int, good: int) -> bool:
    """Whether so few are unsteady, beside so many that are not, that they are only counted."""
    return good >= FEWEST_GOOD and count - steady <= MOST_UNSTEADY * count


def _is_the_faults(state: StateOver, significance: float) -> bool:
    """Whether chance does not explain the difference to the controls. Without a control that could tell, it may."""
    return state.by_chance is not None and state.by_chance <= significance + 1e-12


def _deviated(state: StateOver, where: Judged) -> str:
    share = f" (95 % interval {percent(state.low)} to {percent(state.high)})" if state.trials > 1 else ""
    return sentence(f"{_seen(state, share)}{_chance(state)}; {_in(where, state)}")


def _by_chance(state: StateOver, where: Judged) -> str:
    """What was seen stays said: it disproves "always", but not that it happens without the fault."""
    also = " also without the fault;" if state.controls_deviated else ""
    if state.by_chance is None:
        return sentence(
            f"{_seen(state)}, but no control could tell whether it happens anyway; {_in(where, state)}"
        )
    chance = f"chance alone makes such a difference with {percent(state.by_chance)}"
    return sentence(
        f"{_seen(state)}:{also} {chance}, so it is not shown to be the fault's; {_in(where, state)}"
    )


def _seen(state: StateOver, share: str = "") -> str:
    beside = f" and in {_of(state.controls_deviated, state.controls, 'control')}" if state.controls else ""
    return f"“{state.name}” deviated in {_of(state.deviated, state.trials, 'trial')}{share}{beside}"


def _chance(state: StateOver) -> str:
    return f", by chance with {percent(state.by_chance)}" if state.by_chance is not None else ""


def _in(where: Judged, state: StateOver) -> str:
    seen = where.state(state.name)
    return f"in {where.name}: {seen.why if seen else ''}"


def _held(trials: Sequence[Judged], controls: Sequence[Judged], left_out: int) -> str:
    count = len(trials)
    every = f"held in {_of(count, count, 'trial')}"
    beside = f" and {_of(len(controls), len(controls), 'control')}" if controls else ""
    shaken = f" ({left_out} more whose baseline was not steady say nothing)" if left_out else ""
    left = (
        f"which leaves a failure probability of up to {percent(failures_left(count))} open (95 % confidence)"
    )
    return f"{sentence(f'{every}{beside}{shaken}, {left}')} {trials[0].result.why}"


def _of(part: int, whole: int, noun: str) -> str:
    return f"{part} of {whole} {noun}{'s' * (whole != 1)}"
