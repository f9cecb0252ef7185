"""Rows of several trials: what was measured over all of them, and how each went."""

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.analysis.result import Result
from chaos.analysis.trials_result import MedianOver, StateOver, TrialNumber, TrialResult, TrialsResult
from chaos.report import scale

NOTHING = "–"
NEVER = "never"
_WRITERS: Mapping[str, scale.Writer] = {"s": scale.seconds, "share": scale.share, "per_s": scale.rate}


@dataclass(frozen=True)
class NumberRow:
    """One number over all trials, beside the controls'."""

    name: str
    trials: str
    interval: str
    controls: str
    difference: str
    difference_interval: str


@dataclass(frozen=True)
class StateRow:
    """How often one steady state deviated."""

    name: str
    trials: str
    interval: str
    controls: str
    by_chance: str
    """How likely so many more than in the controls are if the fault makes no difference."""


def title(trials: TrialsResult) -> str:
    """`Over 3 trials and 3 controls`."""
    controls = sum(each.control for each in trials.segments)
    beside = f" and {_counted(controls, 'control')}" if controls else ""
    return f"Over {_counted(len(trials.segments) - controls, 'trial')}{beside}"


def shown_one(result: Result) -> str:
    """Which of them everything else is about; empty of a single run."""
    return name(result.trials.segments[result.trials.shown]) if result.trials else ""


def name(each: TrialResult) -> str:
    """`Trial 2`."""
    return f"{'Control' if each.control else 'Trial'} {each.trial}"


def number_rows(trials: TrialsResult) -> list[NumberRow]:
    """One row a number."""
    asked = sum(not each.control for each in trials.segments)
    return [_number(number, asked) for number in trials.numbers]


def state_rows(trials: TrialsResult) -> list[StateRow]:
    """One row a steady state."""
    return [_state(state) for state in trials.steady_state]


def _number(number: TrialNumber, asked: int) -> NumberRow:
    write, beside, apart = _WRITERS[number.unit], number.controls, number.difference
    return NumberRow(
        name=number.name,
        trials=_median(number.trials, write),
        interval=_interval(number.trials, write, asked),
        controls=_median(beside, write) if beside else NOTHING,
        difference=_signed(_median(apart, write)) if apart else NOTHING,
        difference_interval=_interval(apart, write, asked) if apart else "",
    )


def _median(over: MedianOver, write: scale.Writer) -> str:
    return NEVER if over.median is None else write(over.median)


def _signed(text: str) -> str:
    return text if text.startswith(("-", "0")) or text == NEVER else f"+{text}"


def _interval(over: MedianOver, write: scale.Writer, asked: int) -> str:
    """`310 ms to 340 ms, covers 75 %`, and how many trials count when some of those asked do not."""
    if not over.coverage:
        return "one trial: no interval"
    low = NEVER if over.low is None else write(over.low)
    high = NEVER if over.high is None else write(over.high)
    of = f" with {over.count} of {asked}" if over.count != asked else ""
    return f"{low} to {high}, covers {scale.share(round(over.coverage, 3))}{of}"


def _state(state: StateOver) -> StateRow:
    interval = f"{scale.share(round(state.low, 2))} to {scale.share(round(state.high, 2))}"
    return StateRow(
        name=state.name,
        trials=f"{state.deviated} of {state.trials}",
        interval=interval if state.trials else NOTHING,
        controls=f"{state.controls_deviated} of {state.controls}" if state.controls else NOTHING,
        by_chance=NOTHING if state.by_chance is None else scale.share(round(state.by_chance, 4)),
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
