"""Carry out one step of the method: inject its fault, hold it, look at it from the side, recover.

Runs in a thread of its own, because faults block; it always ends by itself when `stopping` is set.
"""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.agent import residue
from chaos.agent.record import Record
from chaos.agent.supervisor import Supervisor
from chaos.agent.target import StepTarget
from chaos.errors import FaultError, RecoveryError
from chaos.faults import FAULTS


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
        name, fields = step["name"], dict(step["fault"])
        about = {"step": name, "fault": fields["type"]}
        before = self._snapshot()
        target = StepTarget(name, self._supervisor, self._record, self._work, seed, self.stopping)
        stage = "inject"
        because = "held"
        began_ending: float | None = None
        try:
            with FAULTS[fields["type"]](**fields).inject(target) as injection:
                injected_at = time.monotonic()
                target.ends_at = injected_at + step["hold_s"]
                self._record.emit(
                    "fault.injected",
                    **about,
                    mechanism=injection.mechanism,
                    kind=injection.kind,
                    asked=dict(injection.asked),
                    notes=dict(injection.notes),
                )
                self.injected += 1
                stage = "hold"
                next_look = injected_at
                while not target.wait(max(0.0, next_look - time.monotonic())):
                    sample = injection.observe()
                    if sample is not None:
                        target.measured(**sample)
                    next_look = max(next_look + injection.every_s, time.monotonic())
                if self.stopping.is_set():
                    because = self.why_stopping
                stage = "recover"
                began_ending = self._record.clock.now()
        except RecoveryError as error:
            self.failed = str(error)
            self._record.emit("fault.failed", **about, stage="recover", why=str(error))
            because = "failed"
        except (FaultError, OSError) as error:
            self.failed = str(error) or type(error).__name__
            self._record.emit("fault.failed", **about, stage=stage, why=self.failed)
            because = "failed"
        recovered_at = self._record.clock.now()
        leftovers = residue.left(before, self._snapshot())
        if stage != "inject" or leftovers:
            self._record.emit(
                "fault.recovered",
                recovered_at,
                **about,
                because=because,
                began_at=began_ending,
                residue=leftovers,
            )

    def _snapshot(self) -> residue.Snapshot:
        return residue.snapshot(self._supervisor.pids(), self._order["disk_paths"])
