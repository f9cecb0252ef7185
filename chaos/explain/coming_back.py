"""Whether a run looked long enough to say that something does not come back."""

from chaos.analysis.fidelity import judge_steps
from chaos.analysis.record import Record
from chaos.analysis.result import SteadyStateResult
from chaos.analysis.timeline import Timeline
from chaos.verdict import Verdict

ENOUGH_S = 30.0
"""After so long a supervisor of the usual settings has acted: Kubernetes' liveness probe looks every 10 s and restarts
after 3 failures (`periodSeconds`, `failureThreshold`)."""
TIMES = 2.0
"""Of what is asked (`recoverWithin`), as for a relapse (docs/verdicts.md)."""


def looked_s(record: Record, timeline: Timeline) -> float:
    """For how long somebody looked after the last fault; of one that happens at a moment, after that."""
    steps = judge_steps(record.plan.method, timeline)
    ends = [step.ended_at for step in steps if step.ended_at is not None]
    return max(0.0, (timeline.end or 0.0) - max(ends)) if ends else 0.0


def not_back(state: SteadyStateResult) -> bool:
    """Whether it was not good again when the run ended."""
    return state.recovery_time_seconds is None and state.recovery_bad > 0


def enough_s(state: SteadyStateResult) -> float:
    """For how long one must look to say that it never comes back."""
    return ENOUGH_S if state.recover_within_s is None else TIMES * state.recover_within_s


def gone_for_good(state: SteadyStateResult, looked: float) -> bool:
    """Whether it was looked at for so long, in seconds, without having come back."""
    return state.verdict is Verdict.DEVIATED and not_back(state) and looked >= enough_s(state)
