"""A metric of the load, judged by the requests of a phase instead of by windows: each good or bad by itself."""

from collections.abc import Sequence

from chaos.analysis.looks import PlannedSteadyState
from chaos.analysis.recovery import JudgedSample
from chaos.statistics.latencies import Request


def bound_of(asked: PlannedSteadyState) -> float | None:
    """The share of requests that may be bad; None of what is judged by its looks."""
    return asked.tolerance.share_of_requests(asked.metric) if asked.tolerance else None


def as_looks(found: Sequence[Request], asked: PlannedSteadyState) -> list[JudgedSample]:
    """The requests that were sent and count, by intended time, as they are."""
    if (tolerance := asked.tolerance) is None:
        return []
    sent = [each for each in found if each.sent]
    judged = tolerance.judged_requests(asked.metric, sent, asked.window_s)
    return [JudgedSample(each.at, each.took_s, good, each.late_s) for each, good in judged]
