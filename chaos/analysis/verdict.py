"""Outcome × verdict: the first reason wins, and becomes the one sentence that a person reads first.

A counterexample outranks a doubt, unless the doubt explains the counterexample. So a run is `deviated` only
when a steady state left its tolerance for no reason of ours while, or after, a fault was in place that was
measured to have landed.
"""

from collections.abc import Sequence

from chaos.analysis.fidelity import StepJudged
from chaos.analysis.moments import name_and_unit, number, percent, seconds
from chaos.analysis.result import SteadyStateResult, StepResult
from chaos.verdict import Outcome, Verdict, worst

Decision = tuple[Verdict, str]


def decide(
    outcome: Outcome,
    outcome_why: str,
    steps: Sequence[StepJudged],
    states: Sequence[SteadyStateResult],
    doubts: Sequence[str],
) -> Decision:
    """The verdict of a run and its reason."""
    if outcome in (Outcome.CRASHED, Outcome.NOT_INJECTED):
        return Verdict.INCONCLUSIVE, sentence(outcome_why)
    if deviated := [state for state in states if state.verdict is Verdict.DEVIATED]:
        return _deviated(deviated[0], steps, outcome_why)
    if outcome is Outcome.ABORTED:
        return Verdict.INCONCLUSIVE, sentence(outcome_why)
    if doubts:
        return Verdict.INCONCLUSIVE, sentence(doubts[0])
    if worst(state.verdict for state in states) is not Verdict.HELD:
        return Verdict.INCONCLUSIVE, undecided(states)
    return Verdict.HELD, _held(steps, states)


def _deviated(state: SteadyStateResult, steps: Sequence[StepJudged], outcome_why: str) -> Decision:
    said = f"“{state.name}” deviated: {state.why}"
    if not any(step.result.landed for step in steps):
        doubt = next((doubt for step in steps for doubt in step.doubts), "no fault landed")
        return Verdict.INCONCLUSIVE, sentence(f"{doubt}; so this says nothing about the hypothesis: {said}")
    return Verdict.DEVIATED, sentence(f"{said}. {_first_upper(outcome_why)}" if outcome_why else said)


def undecided(states: Sequence[SteadyStateResult]) -> str:
    """Why nothing can be said of them."""
    open_ones = [state for state in states if state.verdict is not Verdict.HELD]
    if not open_ones:
        return "The plan has no steady state: nothing was looked at."
    return sentence(f"“{open_ones[0].name}” is undecided: {open_ones[0].why}")


def _held(steps: Sequence[StepJudged], states: Sequence[SteadyStateResult]) -> str:
    names = " and ".join(f"“{state.name}”" for state in states)
    faults = " and ".join(f"“{step.result.name}” ({delivered_words(step.result)})" for step in steps)
    return sentence(f"{names} held under {faults}, {counted(states)}")


def counted(states: Sequence[SteadyStateResult]) -> str:
    """How much was looked at, and what that excludes: the smallest share of bad ones that no state would have missed,
    and the smallest delay that one would have seen."""
    samples = f"{sum(state.samples for state in states):,} samples"
    if not all(state.tested for state in states):
        return samples  # by the rules of before, which said nothing of it
    if blind := [state.name for state in states if state.noticed_share is None]:
        return f"{samples}: so few that “{blind[0]}” would not notice a total outage with 95 %"
    share = percent(max(state.noticed_share or 0.0 for state in states))
    found = f"{samples}: {share} bad or more would have been noticed{' in each' if len(states) > 1 else ''}"
    delays = [state.noticed_delay_seconds for state in states if state.noticed_delay_seconds is not None]
    slower = f", and {seconds(min(delays))} more on every answer" if delays else ""
    return f"{found}{slower} (95 %)"


def delivered_words(step: StepResult) -> str:
    """`delay 301.2 ms of 300 ms asked`: the first of what was asked beside what was measured."""
    for key, asked in step.asked.items():
        delivered = step.delivered.get(key)
        if isinstance(delivered, float | int) and isinstance(asked, float | int):
            if key == "failed":
                return f"{percent(delivered)} of the attempts failed, {percent(asked)} asked"
            name, unit = name_and_unit(key)
            return f"{name} {number(delivered)}{unit} of {number(asked)}{unit} asked"
    return f"landed: {step.why}"


def sentence(words: str) -> str:
    """A clause as a sentence."""
    return _first_upper(words if words.endswith((".", "!", "?")) else f"{words}.")


def _first_upper(words: str) -> str:
    return words[:1].upper() + words[1:]
