"""How the run itself ended, and why: from what the agent and the host wrote, never from what is absent.

A run is completed only when the agent said so. In order, the first that applies: crashed because the journal was
tampered with, crashed because the controller was lost (the agent then calls itself aborted: nobody asked it to
stop), aborted (a stop condition tripped, or somebody asked it to stop), crashed (the target never came up, the
sandbox was lost), not injected (the baseline was not steady, or the first fault could not be put in place),
crashed because the journal has no end, completed.
"""

from chaos.analysis.record import Record
from chaos.analysis.trust import tampered
from chaos.verdict import Outcome

Ending = tuple[Outcome, str]


def outcome(record: Record) -> Ending:
    """The outcome and its sentence (empty when completed)."""
    if not record.has_plan:
        return Outcome.CRASHED, "the journal has no plan: run.started is missing"
    return (
        tampered(record)
        or _lost(record)
        or _stopped(record)
        or _crashed(record)
        or _not_injected(record)
        or _completed(record)
    )


def may_follow(record: Record) -> bool:
    """Whether another trial may follow this one: it was completed, or only its moment was not steady.

    Whatever was asked to stop, or could not be done once, is not done again.
    """
    ended, _ = outcome(record)
    judged = record.first("baseline.judged")
    unsteady = judged is not None and judged.data.get("steady") is not True
    return ended is Outcome.COMPLETED or (ended is Outcome.NOT_INJECTED and unsteady)


def _lost(record: Record) -> Ending | None:
    lost = record.first("controller.lost")
    if lost is None:
        return None
    return (
        Outcome.CRASHED,
        f"the controller was lost and the agent ended the run by itself: {lost.data.get('why') or ''}",
    )


def _stopped(record: Record) -> Ending | None:
    if tripped := record.first("stop.tripped"):
        return (
            Outcome.ABORTED,
            f"a stop condition tripped: {tripped.data.get('why') or tripped.data.get('condition')}",
        )
    if asked := record.first("stop.requested"):
        return Outcome.ABORTED, f"stopped on request: {asked.data.get('why') or 'no reason given'}"
    return _said(record, Outcome.ABORTED)


def _crashed(record: Record) -> Ending | None:
    if failed := record.first("target.failed"):
        return (
            Outcome.CRASHED,
            f"the target never became ready: {failed.data.get('why') or 'no reason given'}",
        )
    return _said(record, Outcome.CRASHED)


def _not_injected(record: Record) -> Ending | None:
    judged = record.first("baseline.judged")
    if judged and judged.data.get("steady") is not True:
        return (
            Outcome.NOT_INJECTED,
            f"the baseline was not steady: {judged.data.get('why') or 'no reason given'}",
        )
    failed = record.first("fault.failed")
    if failed and not record.has("fault.injected") and record.has("agent.ended"):
        return (
            Outcome.NOT_INJECTED,
            f"“{failed.data.get('step')}” could not be injected: {failed.data.get('why')}",
        )
    return _said(record, Outcome.NOT_INJECTED)


def _completed(record: Record) -> Ending:
    ended = record.last("agent.ended")
    if ended is None:
        return Outcome.CRASHED, f"the journal stops {_where(record)}: the agent never wrote that it had ended"
    if ended.data.get("outcome") != Outcome.COMPLETED:
        return Outcome.CRASHED, f"the agent ended with an unknown outcome: {ended.data.get('outcome')!r}"
    return Outcome.COMPLETED, ""


def _said(record: Record, outcome: Outcome) -> Ending | None:
    """What the agent or the host itself called the end."""
    for event in (record.last("run.ended"), record.last("agent.ended")):
        if event and event.data.get("outcome") == outcome:
            return outcome, str(event.data.get("why") or f"the {event.source} ended it")
    return None


def _where(record: Record) -> str:
    started, ended = record.last("phase.started"), record.last("phase.ended")
    if started is None:
        return "before the baseline"
    phase = started.data.get("phase")
    over = ended is not None and ended.data.get("phase") == phase
    return f"{'after' if over else 'in'} the {phase} phase"
