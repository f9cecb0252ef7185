"""Judge a control: the same timeline with its faults withheld, to see what the target does anyway."""

from collections.abc import Sequence

from chaos.analysis.fidelity import read_fault
from chaos.analysis.record import Record
from chaos.analysis.result import SteadyStateResult
from chaos.analysis.timeline import Timeline
from chaos.analysis.verdict import Decision, counted, sentence, undecided
from chaos.verdict import Outcome, Verdict, worst


def is_control(record: Record) -> bool:
    """Whether this segment of a journal is one."""
    return record.plan.control


def reference(record: Record, timeline: Timeline) -> float | None:
    """The moment from which the steady states are to be good again, as they would be had there been a fault.

    Of faults that are held that is the end of their phase; of those that happen at a moment (kills) its beginning.
    """
    phase = timeline.span("fault")
    if phase is None or not phase.closed:
        return None
    faults = [read_fault(step.fault) for step in record.plan.method]
    return phase.start if all(fault is not None and fault.impulse for fault in faults) else phase.end


def doubts(record: Record) -> list[str]:
    """Why it may be no control at all."""
    found = (
        [] if record.has("fault.withheld") else ["nothing says that the faults of this control were withheld"]
    )
    return [*found, *(["a fault was injected into a control"] if record.has("fault.injected") else [])]


def decide_control(
    outcome: Outcome, outcome_why: str, states: Sequence[SteadyStateResult], doubts: Sequence[str]
) -> Decision:
    """As `decide`, with no fault to have landed: what deviates here does so by itself."""
    if outcome in (Outcome.CRASHED, Outcome.NOT_INJECTED):
        return Verdict.INCONCLUSIVE, sentence(outcome_why)
    if deviated := [state for state in states if state.verdict is Verdict.DEVIATED]:
        return Verdict.DEVIATED, sentence(f"“{deviated[0].name}” deviated without a fault: {deviated[0].why}")
    if outcome is Outcome.ABORTED:
        return Verdict.INCONCLUSIVE, sentence(outcome_why)
    if doubts:
        return Verdict.INCONCLUSIVE, sentence(doubts[0])
    if worst(state.verdict for state in states) is not Verdict.HELD:
        return Verdict.INCONCLUSIVE, undecided(states)
    names = " and ".join(f"“{state.name}”" for state in states)
    return Verdict.HELD, sentence(f"{names} held without a fault, {counted(states)}")
