"""Everything about a run that words may say: complete sentences, each computed and true, which a model picks by id.

A claim carries its phase, subject, direction and unit, so that nobody has to read them out of English. `also` are other
wordings of the same statement: whoever writes one of them has picked that claim (`propositions`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from chaos.analysis.health import clock_doubts
from chaos.analysis.moments import percent, seconds
from chaos.analysis.record import Record
from chaos.analysis.result import Result, SteadyStateResult, StepResult
from chaos.analysis.timeline import Timeline
from chaos.analysis.verdict import delivered_words, sentence
from chaos.events import Event

Direction = Literal["up", "down", ""]
WHERE = {"baseline": "in the baseline", "fault": "in the fault phase", "recovery": "in the recovery phase"}


@dataclass(frozen=True, slots=True)
class Claim:
    """One true statement."""

    text: str
    """A complete sentence, which needs no other beside it."""
    phase: str = ""
    """The phase that it is about; empty: the run, or several of them as the text says."""
    subject: str = ""
    """The steady state, step, process or disk that it is about; empty: the load, or the run."""
    direction: Direction = ""
    unit: str = ""
    also: str = ""
    """A regular expression that the whole of a sentence matches when it says the same and no more."""
    alone: bool = False
    """It is not joined with others into one sentence."""


def claims(result: Result, events: Sequence[Event]) -> Mapping[str, Claim]:
    """All of them by id, the most telling first."""
    from chaos.explain import measured, propositions

    record = Record(events)
    clock = clock_doubts(record, Timeline(record))
    back = not clock and any(step.injected_at for step in result.steps)
    found = chain(
        propositions.of_the_run(result, back=back),
        [Claim(sentence(f"No times are told: {'; '.join(clock)}"))] if clock else [],
        measured.of_the_load(result, events, timed=not clock),
        chain.from_iterable(_step(step, timed=not clock) for step in result.steps),
        chain.from_iterable(
            _state(result, state, back=back, timed=not clock) for state in result.steady_state
        ),
        measured.of_the_machine(result),
        measured.of_the_processes(result, events),
    )
    return {f"C{number}": each for number, each in enumerate(_once(found), start=1)}


def _once(found: Iterator[Claim]) -> Iterator[Claim]:
    said: set[str] = set()
    for each in found:
        if each.text not in said:
            said.add(each.text)
            yield each


def _step(step: StepResult, *, timed: bool) -> Iterator[Claim]:
    landed = delivered_words(step)
    if step.landed:
        told = landed if landed.startswith("landed: ") else f"landed: {landed}"
        yield Claim(sentence(f"“{step.name}” {told}"), "fault", step.name)
    else:
        yield Claim(sentence(f"“{step.name}” did not land: {step.why}"), "fault", step.name)
    if timed and step.held_s is not None:
        yield Claim(f"“{step.name}” was in place for {seconds(step.held_s)}.", "fault", step.name, unit="s")
    if step.met is not None:
        how = "met" if step.met.enough else "did not meet"
        how = (
            f"the target {how} it"
            if step.met.count is not None
            else "how often the target met it is not known"
        )
        yield Claim(sentence(f"“{step.name}”: {how}: {step.met.why}"), "fault", step.name)


def _state(result: Result, state: SteadyStateResult, *, back: bool, timed: bool) -> Iterator[Claim]:
    how = "was inconclusive" if state.verdict == "inconclusive" else str(state.verdict)
    yield Claim(sentence(f"“{state.name}” {how}: {state.why}"), subject=state.name)
    if state.verdict == "held" and back:
        yield from _noticed(state, timed=timed)
    if back:
        yield from _recovery(state)
    ran = {phase.name for phase in result.phases}
    for phase, where in WHERE.items():
        if phase in ran and state.samples:
            bad = getattr(state, f"{phase}_bad")
            many = f"{bad} samples were" if bad > 1 else "one sample was" if bad else "no sample was"
            yield Claim(f"For “{state.name}”, {many} out of tolerance {where}.", phase, state.name)


def _noticed(state: SteadyStateResult, *, timed: bool) -> Iterator[Claim]:
    """What this `held` excludes, and what it does not."""
    of = f"For “{state.name}”, "
    if state.noticed_share is None:
        text = f"{of}there were too few samples for a total outage to be noticed with 95 %."
        yield Claim(text, subject=state.name)
        return
    share = percent(state.noticed_share)
    where = " under the fault" if state.holds == "throughout" else ""
    yield Claim(
        f"{of}{share} bad or more{where} would have been noticed (95 %).", subject=state.name, unit="%"
    )
    if timed and (delay_s := state.noticed_delay_seconds) is not None:
        text = f"{of}{seconds(delay_s)} more on every answer would have been noticed (95 %)."
        yield Claim(text, subject=state.name, unit="s")


def _recovery(state: SteadyStateResult) -> Iterator[Claim]:
    if (resolution_s := state.resolution_seconds) is None:
        return
    took_s, name = state.recovery_time_seconds, f"“{state.name}”"
    if took_s is None:
        yield Claim(f"{name} was not good again when the recovery phase ended.", "recovery", state.name)
    elif not took_s:
        yield Claim(f"{name} was never bad after the fault.", "recovery", state.name)
    else:
        known = f"{seconds(took_s)} (known to {seconds(resolution_s)})"
        yield Claim(f"{name} was good again {known} after the fault.", "recovery", state.name, unit="s")
    if state.relapses:
        times = f"{state.relapses} times" if state.relapses > 1 else "one more time"
        yield Claim(f"{name} was bad {times} after it had been good again.", "recovery", state.name)
