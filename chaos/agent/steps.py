"""Carry out one step of the method: inject its fault, hold it, look at it from the side, recover.

Runs in a thread of its own, because faults block; it always ends by itself when `stopping` is set.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.agent import residue
from chaos.agent.commands import RUNNING
from chaos.agent.record import Record
from chaos.agent.supervisor import Supervisor
from chaos.agent.target import StepTarget
from chaos.errors import FaultError, RecoveryError
from chaos.faults import FAULTS
from chaos.faults.base import Injection

_SECOND_LOOK_S = 0.05


class Steps:
    """The method, one step after another. `stopping` may be set from outside at any moment; `why_stopping` says why."""

    def __init__(self, order: Mapping[str, Any], supervisor: Supervisor, record: Record, work: Path) -> None:
        self._order = order
        self._supervisor = supervisor
        self._record = record
        self._work = work
        self.stopping = threading.Event()
        self.why_stopping = "stopped"
        self.injected = 0
        self.failed: str | None = None

    def carry_out_all(self) -> None:
        """Every step in order; ends early when one fails or when stopping."""
        for index, step in enumerate(self._order["method"]):
            if self.stopping.is_set() or self.failed:
                return
            self._carry_out(step, self._order["seed"] + index)

    def _carry_out(self, step: Mapping[str, Any], seed: int) -> None:
        """Whatever happens in between, a fault that was injected is followed by one `fault.recovered`."""
        fields = dict(step["fault"])
        about = {"step": step["name"], "fault": fields["type"]}
        target = StepTarget(step["name"], self._supervisor, self._record, self._work, seed, self.stopping)
        course = _Course()
        before = self._snapshot()
        try:
            with FAULTS[fields["type"]](**fields).inject(target) as injection:
                target.ends_at = time.monotonic() + step["hold_s"]
                self._injected(injection, about)
                course.stage = "hold"
                _hold(injection, target)
                course.stage, course.because = (
                    "recover",
                    self.why_stopping if self.stopping.is_set() else "held",
                )
                course.began_ending = self._record.clock.now()
        except (FaultError, OSError) as error:
            course.because = "failed"
            stage = "recover" if isinstance(error, RecoveryError) else course.stage
            self.failed = str(error) or type(error).__name__
            self._record.emit("fault.failed", **about, stage=stage, why=self.failed)
        finally:
            self._recovered(course, before, about)

    def _injected(self, injection: Injection, about: Mapping[str, str]) -> None:
        self._record.emit(
            "fault.injected",
            **about,
            mechanism=injection.mechanism,
            kind=injection.kind,
            asked=dict(injection.asked),
            notes=dict(injection.notes),
        )
        self.injected += 1

    def _recovered(self, course: "_Course", before: residue.Snapshot, about: Mapping[str, str]) -> None:
        recovered_at = self._record.clock.now()
        leftovers = self._left(before)
        if course.stage != "inject" or leftovers:
            self._record.emit(
                "fault.recovered",
                recovered_at,
                **about,
                because=course.because,
                began_at=course.began_ending,
                residue=leftovers,
            )

    def _left(self, before: residue.Snapshot) -> list[str]:
        found = residue.left(before, self._snapshot())
        if any(line.startswith(residue.PROCESS) for line in found):
            # Another thread may have been starting an app or a probe; by a second look its pid is known.
            time.sleep(_SECOND_LOOK_S)
            again = residue.left(before, self._snapshot())
            found = [line for line in found if line in again]
        return found

    def _snapshot(self) -> residue.Snapshot:
        return residue.snapshot([*self._supervisor.pids(), *RUNNING], self._order["disk_paths"])


@dataclass(slots=True)
class _Course:
    """How far a step has come."""

    stage: str = "inject"
    because: str = "failed"
    began_ending: float | None = None


def _hold(injection: Injection, target: StepTarget) -> None:
    """Look at the fault from the side at its own rate until the hold is over."""
    next_look = time.monotonic()
    while not target.wait(max(0.0, next_look - time.monotonic())):
        sample = injection.observe()
        if sample is not None:
            target.measured(**sample)
        next_look = max(next_look + injection.every_s, time.monotonic())
