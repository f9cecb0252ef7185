"""What a run is, in any usual wording, and whether it is so: outcome, verdict, landed, met, recovery.

Each proposition has a pattern for the whole of a sentence, and the claim that states it, or none when it is false. A
sentence that says something true of these becomes our statement of it; one that says something false contradicts the
run and is dropped by that rule. A sentence about them that no pattern knows is dropped, too: it is not understood.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaos.analysis.moments import seconds
from chaos.analysis.result import Result
from chaos.explain.claims import Claim
from chaos.verdict import Outcome, Verdict

_IT = r"(?:it|the (?:run|experiment|hypothesis|system|app|application|service|target|shop))"
_FAULT = r"(?:the fault|it)"
_AFTER = r"(?: after(?:wards| the fault(?: ended| was over)?)?)?"
_VERDICTS = {
    Verdict.HELD: rf"{_IT} (?:held|passed|survived|withstood(?: the fault)?|went well|was resilient)(?: the fault)?",
    Verdict.DEVIATED: rf"{_IT} (?:deviated|failed|did not hold|did not pass|did not survive|went badly|was refuted)",
    Verdict.INCONCLUSIVE: rf"{_IT} (?:was|is|remained) (?:inconclusive|undecided)|{_IT} proved nothing",
}
_OUTCOMES = {
    Outcome.COMPLETED: r"(?:the (?:run|experiment)) (?:completed|was completed|ran to its end)",
    Outcome.ABORTED: r"(?:the (?:run|experiment)) was (?:aborted|stopped)(?: early)?",
    Outcome.NOT_INJECTED: rf"{_FAULT} was (?:not|never) injected|no fault was injected",
    Outcome.CRASHED: r"(?:the (?:run|experiment)) crashed",
}
_SAID = {
    Outcome.COMPLETED: "ran to its end",
    Outcome.ABORTED: "was ended early",
    Outcome.NOT_INJECTED: "ended before any fault was injected",
    Outcome.CRASHED: "crashed before its end",
}
_BACK = rf"{_IT} (?:recovered|came back|was good again|returned to normal|healed){_AFTER}"
_AWAY = (
    rf"{_IT} (?:never|did not|didn.t) (?:recover(?:ed)?|c[ao]me back|heal(?:ed)?|returned? to normal){_AFTER}"
)


@dataclass(frozen=True, slots=True)
class Proposition:
    """A statement that is true (`claim` is the id of ours) or false."""

    pattern: "re.Pattern[str]"
    claim: str | None


def of_the_run(result: Result, *, back: bool) -> Iterator[Claim]:
    """What the run was, as claims; `back`: whether it can be told what came back after a fault."""
    also = f"{_VERDICTS[result.verdict]}|(?:the )?(?:verdict|hypothesis) (?:was|is) {result.verdict}"
    yield Claim(f"The verdict is {result.verdict}.", also=also)
    yield Claim(f"The run {_SAID[result.outcome]}.", also=_OUTCOMES[result.outcome])
    if result.steps:
        yield from _landed_and_met(result)
    if back:
        yield from _recovered(result)


def _landed_and_met(result: Result) -> Iterator[Claim]:
    if all(step.landed for step in result.steps):
        yield Claim("Every fault was measured to have taken hold as asked.", also=_landed())
    elif not any(step.landed for step in result.steps):
        yield Claim("No fault was measured to have taken hold as asked.", also=_landed(not_=True))
    met = [step.met for step in result.steps if step.met is not None and step.met.count is not None]
    if met and all(each.enough for each in met) and len(met) == len(result.steps):
        yield Claim("The target met the faults.", also=_met())
    elif met and not any(each.enough for each in met):
        yield Claim("The target did not meet the faults as it must.", also=_met(not_=True))


def _landed(*, not_: bool = False) -> str:
    if not_:
        return rf"{_FAULT} (?:did not|didn.t|never) (?:land(?:ed)?|(?:take|took) (?:hold|effect))|no fault landed"
    return rf"{_FAULT} (?:landed|took hold|took effect)"


def _met(*, not_: bool = False) -> str:
    met = rf"{_IT} (?:did not|didn.t|never) me[et]t? {_FAULT}"
    return met if not_ else rf"{_IT} met {_FAULT}"


def _recovered(result: Result) -> Iterator[Claim]:
    judged = [state for state in result.steady_state if state.resolution_seconds is not None]
    if len(judged) < len(result.steady_state) or any(state.relapses for state in judged):
        return  # not all were looked at, or one came back more than once: each state says how
    times = [s.recovery_time_seconds for s in judged if s.recovery_time_seconds is not None]
    if len(times) < len(judged):
        yield Claim("Not every steady state was good again when the recovery phase ended.", "recovery")
    elif times and (slowest_s := max(times)):
        text = f"Every steady state was good again within {seconds(slowest_s)} after the fault."
        yield Claim(text, "recovery", unit="s", also=_BACK)
    elif times:
        yield Claim("No steady state was bad after the fault.", "recovery")


def propositions(known: Mapping[str, Claim]) -> list[Proposition]:
    """True ones with their claim first, then all about the run that are left: false, or not known to be true."""
    true = [Proposition(_whole(each.also), id) for id, each in known.items() if each.also]
    topics = [
        *_VERDICTS.values(),
        *_OUTCOMES.values(),
        _landed(),
        _landed(not_=True),
        _met(),
        _met(not_=True),
    ]
    return [*true, *(Proposition(_whole(pattern), None) for pattern in (*topics, _BACK, _AWAY))]


def _whole(pattern: str) -> "re.Pattern[str]":
    return re.compile(rf"(?:{pattern})[.!]?", re.IGNORECASE)
