"""One step's fault, what happened around it, and the symptoms that are seen there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from chaos.analysis.fidelity import read_fault
from chaos.analysis.latency import requests
from chaos.analysis.moments import span
from chaos.analysis.record import Record
from chaos.analysis.result import Result, StepResult
from chaos.analysis.timeline import FaultWindow, Timeline, between
from chaos.faults.support.base import Fault
from chaos.statistics.latencies import Request

AFTER_S = 1.0
"""Failures that began within this time after a fault may still be its own requests."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing that was seen. `fault` is the kind of fault it was seen under (empty: of none in
    particular)."""

    name: str
    fault: str
    evidence: str


class Scene:
    """One step's fault and what happened around it."""

    def __init__(self, result: Result, record: Record, timeline: Timeline, step: StepResult) -> None:
        self.result = result
        self.record = record
        self.timeline = timeline
        self.step = step
        self.window = timeline.windows.get(step.name, FaultWindow(step.name))

    @property
    def start(self) -> float | None:
        """When the fault was in place."""
        return self.window.injected_at

    @property
    def end(self) -> float:
        """When it was undone, as far as recorded."""
        return self.window.recovered_at or self.timeline.end or self.record.end

    @property
    def asked(self) -> Fault | None:
        """The step's fault as it was asked for; None when the plan was never written, or this version knows it not."""
        return next(
            (read_fault(each.fault) for each in self.record.plan.method if each.name == self.step.name), None
        )

    @cached_property
    def requests(self) -> list[Request]:
        """All requests that were sent, in the whole run."""
        return [request for request in requests(self.record) if request.sent]

    def during(self) -> Sequence[Request]:
        """The requests sent while the fault was in place."""
        start = self.start
        return [] if start is None else self._between(start, self.end)

    def later(self) -> Sequence[Request]:
        """The requests sent after it, until the next fault."""
        following = [
            w.injected_at for w in self.timeline.windows.values() if (w.injected_at or 0.0) > self.end
        ]
        until = min((at for at in following if at is not None), default=self.timeline.end or self.end)
        return self._between(self.end + AFTER_S, until)

    def when(self) -> str:
        """`during “slow network” (18:03:11–18:03:17Z)`."""
        where = f" ({span(self.start, self.end)})" if self.start is not None else ""
        return f"during “{self.step.name}”{where}"

    def symptom(self, name: str, evidence: str) -> Symptom:
        """A symptom of this step's fault."""
        return Symptom(name, self.step.fault, evidence)

    def _between(self, start: float, end: float) -> Sequence[Request]:
        return self.requests[between([request.at for request in self.requests], start, end)]
