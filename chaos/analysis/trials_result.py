"""What result.json says of several trials together."""

from typing import Literal

from chaos.analysis.part import ResultPart
from chaos.verdict import Outcome, Verdict


class TrialResult(ResultPart):
    """One trial, or one control: the same timeline without any fault."""

    trial: int
    control: bool
    outcome: Outcome
    verdict: Verdict
    """A control's says whether its steady states held without a fault; it never makes a run `held`."""
    why: str
    started_at: str


class MedianOver(ResultPart):
    """A median over trials and an interval around the true one."""

    median: float | None
    """None: in half of the trials or more it never came."""
    low: float | None
    high: float | None
    """None for a bound that is not there: of a single trial, or because in some it never came."""
    coverage: float
    """The probability that such an interval holds the true median; 0 for a single trial."""
    count: int
    """Over how many trials."""


class TrialNumber(ResultPart):
    """One number over all trials whose fault landed and which ran to their end."""

    name: str
    unit: Literal["s", "share", "per_s"]
    values: list[float | None]
    """By trial; None where it never came."""
    trials: MedianOver
    controls: MedianOver | None
    difference: MedianOver | None
    """Trial minus its own control; None without a pair."""


class StateOver(ResultPart):
    """One steady state over all trials and controls that could tell."""

    name: str
    deviated: int
    trials: int
    low: float
    high: float
    """The 95 % interval of the share of trials in which it deviates (Wilson's)."""
    controls_deviated: int
    controls: int
    pairs: int = 0
    """A trial and its control that both could tell."""
    only_trials: int = 0
    """Of those, the pairs in which only the trial deviates."""
    only_controls: int = 0
    by_chance: float | None
    """The probability of so many more in the trials than in their controls if the fault made no difference; of a series
    until it is decided that of so much at any of its looks."""


class TrialsResult(ResultPart):
    """A run of several trials."""

    planned: int
    """How many trials were asked for, or at most."""
    controlled: bool
    """Whether each was to have a control."""
    until_decided: bool = False
    """Whether it was to end as soon as it is decided."""
    shown: int
    """Which of `segments` the rest of the result is about: the most telling one, counted from 0."""
    failures_left: float | None
    """When all held: the highest probability of a failure that so many leave open, at 95 % confidence."""
    segments: list[TrialResult]
    """In the order they were carried out."""
    steady_state: list[StateOver]
    numbers: list[TrialNumber]
