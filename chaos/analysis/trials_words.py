"""The sentences of several trials."""

from collections.abc import Sequence

from chaos.analysis.intervals import failures_left
from chaos.analysis.judged import JudgedTrial
from chaos.analysis.moments import percent
from chaos.analysis.trials_result import StateOver
from chaos.analysis.verdict import sentence


def deviated(state: StateOver, where: JudgedTrial) -> str:
    """Of a series that is decided against its hypothesis."""
    share = f" (95 % interval {percent(state.low)} to {percent(state.high)})" if state.trials > 1 else ""
    chance = f", by chance with {percent(state.by_chance)}" if state.by_chance is not None else ""
    return sentence(f"{_seen(state, share)}{chance}; {_in(where, state)}")


def explained(state: StateOver, where: JudgedTrial, left: int = 0) -> str:
    """What was seen stays said: it disproves "always", but not that it happens without the fault."""
    if state.by_chance is None:
        why = f"{_seen(state)}, but in no pair could both tell whether it happens anyway"
    else:
        also = " also without the fault;" if state.controls_deviated else ""
        chance = f"chance alone makes such a difference with {percent(state.by_chance)}"
        why = f"{_seen(state)}:{also} {chance}, so it is not shown to be the fault's"
    short = f" ({left} more pair{'s' * (left != 1)} could not show it either)" if left else ""
    return sentence(f"{why}{short}; {_in(where, state)}")


def held(trials: Sequence[JudgedTrial], controls: Sequence[JudgedTrial], left_out: int) -> str:
    """Of a series in which nothing deviated."""
    first = f"{_every(trials, controls, left_out)}, {_open(len(trials))}"
    return f"{sentence(first)} {trials[0].result.why}"


def too_few(trials: Sequence[JudgedTrial], controls: Sequence[JudgedTrial], left_out: int) -> str:
    """Of a series that was to be held by more trials than could tell."""
    series = trials[0].series
    why = f"{series.needed} must hold to exclude a failure in {percent(series.exclude)} of them"
    return sentence(f"{_every(trials, controls, left_out)}: not decided, {why}")


def _every(trials: Sequence[JudgedTrial], controls: Sequence[JudgedTrial], left_out: int) -> str:
    beside = f" and {_of(len(controls), len(controls), 'control')}" if controls else ""
    shaken = f" ({left_out} more whose baseline was not steady say nothing)" if left_out else ""
    return f"held in {_of(len(trials), len(trials), 'trial')}{beside}{shaken}"


def _open(count: int) -> str:
    left = percent(failures_left(count))
    return f"which leaves a failure probability of up to {left} open (95 % confidence)"


def _seen(state: StateOver, share: str = "") -> str:
    beside = f" and in {_of(state.controls_deviated, state.controls, 'control')}" if state.controls else ""
    apart = ""
    if state.controls_deviated and state.pairs:
        apart = f" (only in the trial of {_pairs(state.only_trials)}, only in the control of {state.only_controls})"
    return f"“{state.name}” deviated in {_of(state.deviated, state.trials, 'trial')}{share}{beside}{apart}"


def _pairs(count: int) -> str:
    return f"{count} pair{'s' * (count != 1)}"


def _in(where: JudgedTrial, state: StateOver) -> str:
    seen = where.state(state.name)
    return f"in {where.name}: {seen.why if seen else ''}"


def _of(part: int, whole: int, noun: str) -> str:
    return f"{part} of {whole} {noun}{'s' * (whole != 1)}"
