"""Asked versus delivered: whether each step's fault landed, as its own side-band samples measured it.

The fault judges its samples (`Fault.delivered`); this file adds what the fault cannot see: that it was
injected at all, lasted as long as asked, was ended by the timeline and not by something else, and left
nothing behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from chaos.analysis.moments import iso_or_none, seconds
from chaos.analysis.result import MetResult, StepResult, plain
from chaos.analysis.timeline import FaultWindow, Timeline
from chaos.faults import FAULTS
from chaos.faults.support.base import Delivered, Fault
from chaos.run_spec.parts import FaultSpec, StepSpec

# The agent's timer and the undo take milliseconds; a fault that lacks more than this was ended by something
# else.
EARLY_S = 0.25
EARLY_SHARE = 0.05

HELD = "held"
"""`because` of a fault that the timeline ended when its hold was over."""


@dataclass(frozen=True, slots=True)
class StepJudged:
    """A step's result, and what of it forbids the verdict `held`."""

    result: StepResult
    ending_at: float | None
    """When its undo began; for an impulse, when it hit for the last time."""
    ended_at: float | None
    """The moment recovery counts from: when the undo was done; for an impulse, when it hit for the last
    time."""
    doubts: list[str]
    residue: str | None
    """The sentence about what it left behind."""


def judge_steps(method: Sequence[StepSpec], timeline: Timeline) -> list[StepJudged]:
    """Every step of the plan, also those that were never reached."""
    return [_judge(step, timeline.windows.get(step.name)) for step in method]


def _judge(step: StepSpec, seen: FaultWindow | None) -> StepJudged:
    name = step.name
    window = seen or FaultWindow(name)
    fault = read_fault(step.fault)
    delivered, met = _delivered(fault, window), _met(window)
    if met is not None and delivered.in_place is not None:
        delivered = replace(delivered, landed=delivered.in_place)
    hold_s = step.hold_s
    unmet = _unmet(met) if step.expect_met else []
    doubts = [f"“{name}” {doubt}" for doubt in [*_doubts(delivered, window, hold_s), *unmet]]
    result = StepResult(
        name=name,
        fault=step.fault.type,
        mechanism=window.mechanism,
        kind=window.kind,
        landed=delivered.landed,
        why=delivered.why,
        asked=plain(window.asked),
        delivered={
            **delivered.values,
            "low": delivered.low,
            "high": delivered.high,
            "samples": delivered.samples,
            **_effective(delivered),
        },
        injected_at=iso_or_none(window.injected_at),
        recovered_at=iso_or_none(window.recovered_at),
        hold_s=hold_s,
        held_s=_held_s(window),
        recovered_because=window.because,
        residue=window.residue,
        notes=dict(window.notes),
        met=met,
    )
    ending_at, ended_at = window.ending_at or window.recovered_at, window.recovered_at
    if fault and fault.impulse:
        ending_at = ended_at = _last_hit(window)
    left = f"“{name}” left something behind: {', '.join(window.residue[:3])}" if window.residue else None
    return StepJudged(result, ending_at, ended_at, [*doubts, left] if left else doubts, left)


def _effective(delivered: Delivered) -> dict[str, float]:
    """As many independent samples would tell as much, where that is fewer than there were."""
    few = delivered.effective
    return (
        {}
        if few is None or delivered.low is None or few >= delivered.samples - 1
        else {"effective": round(few, 1)}
    )


def read_fault(asked: FaultSpec) -> Fault | None:
    """The fault of a plan; None when this version does not know it or one of its fields."""
    try:
        return asked.made() if asked.type in FAULTS else None
    except (TypeError, ValueError):
        return None


def _delivered(fault: Fault | None, window: FaultWindow) -> Delivered:
    if window.injected_at is None:
        failed = next((why for _, why in window.failures), "")
        return _nothing(f"could not be injected: {failed}" if failed else "was never injected")
    if fault is None:
        return _nothing("this version does not know the fault")
    try:
        return fault.delivered([event.data for event in window.measured])
    except (KeyError, TypeError, ValueError) as error:
        return _nothing(
            f"has side-band samples that this version cannot read ({type(error).__name__}: {error})"
        )


def _met(window: FaultWindow) -> MetResult | None:
    """What the agent counted; None where it did not say."""
    try:
        return None if window.met is None else MetResult.model_validate(window.met)
    except ValidationError:
        return None


def _unmet(met: MetResult | None) -> list[str]:
    """Why nothing can be said of what nobody met, or too few did."""
    return [] if met is None or met.enough else [f"was in place, but the app did not meet it: {met.why}"]


def _nothing(why: str) -> Delivered:
    return Delivered(values={}, low=None, high=None, samples=0, landed=False, why=why)


def _doubts(delivered: Delivered, window: FaultWindow, hold_s: float) -> list[str]:
    """What keeps this step from counting, most telling first."""
    if window.injected_at is None:
        return [delivered.why]
    doubts = [] if delivered.landed else [f"did not land: {delivered.why}"]
    if delivered.landed and delivered.ended_early:
        doubts.append(f"ended early by {delivered.ended_early}")
    doubts += [f"failed ({stage}): {why}" for stage, why in window.failures]
    return doubts + _ending(window, hold_s)


def _ending(window: FaultWindow, hold_s: float) -> list[str]:
    held_s = _held_s(window)
    if held_s is None:
        return ["was never seen to be undone"]
    if window.because != HELD:
        return [
            f"was ended after {seconds(held_s)} of {seconds(hold_s)}: {window.because or 'no reason recorded'}"
        ]
    if held_s < hold_s - max(EARLY_S, EARLY_SHARE * hold_s):
        return [f"ended early: after {seconds(held_s)} of {seconds(hold_s)}"]
    return []


def _held_s(window: FaultWindow) -> float | None:
    """From being in place to the beginning of the undo: the undo itself may take its time."""
    if window.injected_at is None or window.recovered_at is None:
        return None
    return round((window.ending_at or window.recovered_at) - window.injected_at, 6)


def _last_hit(window: FaultWindow) -> float | None:
    """When an impulse last happened: `seen_ms` is how long after it its effect was seen and written down."""
    hits = [(event.at, event.data.get("seen_ms")) for event in window.measured]
    moments = [at - float(seen_ms) / 1000 for at, seen_ms in hits if isinstance(seen_ms, int | float)]
    return max(moments, default=window.injected_at)
