"""What Prefect calls the states of our runs: no other module knows these names.

A run that held is Completed; all else is Failed with the name of what happened, by which automations and people filter.
"""

from collections.abc import Mapping
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from chaos.analysis.result import Result
from chaos.game_days.day import Day
from chaos.gitops.observed import RunState
from chaos.text.inert import inert
from chaos.verdict import Outcome, RunStatus, Verdict, ending

SCHEDULED, PENDING, RUNNING, PAUSED, CANCELLING = "SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"
"""Types of states in which a flow run has not ended, in their order."""
LIVE = (SCHEDULED, PENDING, RUNNING, PAUSED, CANCELLING)
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
AWAITS_SLOT = "AwaitingConcurrencySlot"
"""The name of a scheduled state: others of its deployment go first."""
_STATUS: Mapping[str, RunStatus] = {
    SCHEDULED: RunStatus.QUEUED,
    PENDING: RunStatus.QUEUED,
    RUNNING: RunStatus.RUNNING,
    PAUSED: RunStatus.WAITING,
    CANCELLING: RunStatus.STOPPING,
}
_PUSHED: Mapping[str, RunState] = {
    SCHEDULED: "pending",
    PENDING: "pending",
    RUNNING: "running",
    CANCELLING: "running",
    "COMPLETED": "held",
}
CRASHED = "Crashed"
"""The name of the end of a run whose process died."""
_HELD = "Completed"
_ENDS: Mapping[str, tuple[Outcome, Verdict]] = {
    _HELD: (Outcome.COMPLETED, Verdict.HELD),
    "Deviated": (Outcome.COMPLETED, Verdict.DEVIATED),
    "Inconclusive": (Outcome.COMPLETED, Verdict.INCONCLUSIVE),
    "Aborted": (Outcome.ABORTED, Verdict.INCONCLUSIVE),
    "Cancelled": (Outcome.ABORTED, Verdict.INCONCLUSIVE),
    "NotInjected": (Outcome.NOT_INJECTED, Verdict.INCONCLUSIVE),
}


def status_of(state_type: object) -> RunStatus:
    """Where the run of a flow run is, by the type of its state."""
    return _STATUS.get(str(state_type), RunStatus.ENDED)


def ended_as(state_name: str) -> tuple[Outcome, Verdict]:
    """Outcome and verdict of a flow run that ended so, for a run whose result is not here."""
    return _ENDS.get(state_name, (Outcome.CRASHED, Verdict.INCONCLUSIVE))


def ending_of(state_name: str) -> str:
    """The same in one word (`chaos.verdict.ending`)."""
    return "Held" if state_name == _HELD else state_name


def pushed_as(state_type: str) -> RunState:
    """How far the run is that a push began."""
    return _PUSHED.get(state_type, "failed")


def name_of(result: Result) -> str:
    """The state's name, by which automations and people filter."""
    return _name(ending(result.outcome, result.verdict))


def _name(ended: str) -> str:
    return _HELD if ended == "Held" else ended


def state_of(result: Result) -> State[dict[str, Any]]:
    """The final state of a flow run; its data is the result as JSON."""
    make = Completed if name_of(result) == _HELD else Failed
    return make(name=name_of(result), message=inert(result.why), data=result.model_dump(mode="json"))


def state_of_day(day: Day) -> State[dict[str, Any]]:
    """The final state of a game day's flow run."""
    outcome = {"aborted": Outcome.ABORTED, "crashed": Outcome.CRASHED}.get(day.ended or "", Outcome.COMPLETED)
    name = _name(ending(outcome, day.verdict))
    make = Completed if name == _HELD else Failed
    why = day.why or ", ".join(f"{each.experiment} {each.verdict}" for each in day.ran)
    return make(name=name, message=inert(why), data=day.model_dump(mode="json"))
