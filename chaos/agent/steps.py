"""Carry out the method: inject each fault, hold it, look at it from the side, recover.

Entries without a start time follow each other; one with a start time has a thread of its own and may act beside others.
All of it runs outside of the event loop, because faults block, and ends by itself when `stopping` is set.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chaos.agent import residue
from chaos.agent.commands import RUNNING
from chaos.agent.entrances import entrances
from chaos.agent.record import Record
from chaos.agent.supervisor import Supervisor
from chaos.agent.target import LINGERING, StepTarget
from chaos.errors import FaultError, RecoveryError
from chaos.faults.support.base import Fault, Injection
from chaos.run_spec.model import RunSpec
from chaos.run_spec.parts import StepSpec

_SECOND_LOOK_S = 0.05


class Steps:
    """The method, one step after another. `stopping` may be set from outside at any moment; `why_stopping` says why."""

    def __init__(self, order: RunSpec, supervisor: Supervisor, record: Record, work: Path) -> None:
        self._order = order
        self._supervisor = supervisor
        self._record = record
        self._work = work
        self.stopping = threading.Event()
        self.why_stopping = "stopped"
        self.injected = 0
        self.failed: str | None = None
        self._injected_at = time.monotonic()
        self._audit = _Audit(self._snapshot)

    def carry_out_all(self) -> None:
        """Every entry at its time; ends early when one fails or when stopping.

        A mistake of ours, in whichever thread, ends the others and is raised here: it must not pass for a method that
        was carried out.
        """
        began = time.monotonic()
        entries = [(self._order.seed + index, entry) for index, entry in enumerate(self._order.method)]
        beside = [(entry.start_s, seed, entry) for seed, entry in entries if entry.start_s is not None]
        in_turn = [(seed, entry) for seed, entry in entries if entry.start_s is None]
        with ThreadPoolExecutor(1 + len(beside), "step") as threads:
            courses = [
                threads.submit(self._at, began + start_s, entry, seed) for start_s, seed, entry in beside
            ]
            courses.append(threads.submit(self._one_after_another, in_turn))
            for course in courses:
                course.add_done_callback(self._one_ended)
        for course in courses:
            course.result()

    def _one_after_another(self, entries: Sequence[tuple[int, StepSpec]]) -> None:
        for seed, entry in entries:
            self._at(self._injected_at + (entry.since_previous_s or 0.0), entry, seed)

    def _one_ended(self, course: "Future[None]") -> None:
        if course.exception() is not None:
            self.why_stopping = "failed"
            self.stopping.set()

    def _at(self, moment: float, entry: StepSpec, seed: int) -> None:
        """Carry out one entry, not before `moment` (monotonic)."""
        self.stopping.wait(max(0.0, moment - time.monotonic()))
        if not self.stopping.is_set() and not self.failed:
            self._carry_out(entry, seed)

    def _carry_out(self, step: StepSpec, seed: int) -> None:
        """Whatever happens in between, a fault that was injected is followed by one `fault.recovered`."""
        about = {"step": step.name, "fault": step.fault.type}
        supervisor, record = self._supervisor, self._record
        entered = entrances(self._order)
        target = StepTarget(step.name, supervisor, record, self._work, seed, self.stopping, entered)
        course = _Course()
        self._audit.begin()
        try:
            fault = step.fault.made()
            reconnect = _reconnecting(fault, target) if step.reconnect else dict
            with fault.inject(target) as injection:
                injection.notes = {**injection.notes, **reconnect()}
                self._injected_at = time.monotonic()
                target.ends_at = self._injected_at + step.hold_s
                self._injected(injection, about)
                course.stage = "hold"
                _hold(injection, target)
                course.stage, course.because = (
                    "recover",
                    self.why_stopping if self.stopping.is_set() else "held",
                )
                course.began_ending = self._record.clock.now()
                course.met = asdict(fault.met(target.samples))
        except (FaultError, OSError) as error:
            course.because = "failed"
            stage = "recover" if isinstance(error, RecoveryError) else course.stage
            self.failed = str(error) or type(error).__name__
            self._record.emit("fault.failed", **about, stage=stage, why=self.failed)
        finally:
            self._recovered(course, about)

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

    def _recovered(self, course: "_Course", about: Mapping[str, str]) -> None:
        recovered_at = self._record.clock.now()
        leftovers = self._audit.end()
        if course.stage != "inject" or leftovers:
            self._record.emit(
                "fault.recovered",
                recovered_at,
                **about,
                because=course.because,
                began_at=course.began_ending,
                met=course.met,
                residue=leftovers,
            )

    def _snapshot(self) -> residue.Snapshot:
        init = self._supervisor.spawner.view_of  # what the app leaves to itself is below it, and no fault's
        known = [*self._supervisor.pids(), *RUNNING, *LINGERING, *([] if init is None else [init])]
        return residue.snapshot(known, self._order.disk_paths)


class _Audit:
    """What faults left behind. While several act side by side, the last to end answers for all of them."""

    def __init__(self, look: Callable[[], residue.Snapshot]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._acting = 0
        self._before: residue.Snapshot = frozenset()

    def begin(self) -> None:
        """A fault is about to be injected."""
        with self._lock:
            if self._acting == 0:
                self._before = self._look()
            self._acting += 1

    def end(self) -> list[str]:
        """A fault was undone; what is left, when no other acts."""
        with self._lock:
            self._acting -= 1
            return self._left() if self._acting == 0 else []

    def _left(self) -> list[str]:
        found = residue.left(self._before, self._look())
        if any(line.startswith(residue.PROCESS) for line in found):
            # Another thread may have been starting an app or a probe; by a second look its pid is known.
            time.sleep(_SECOND_LOOK_S)
            again = residue.left(self._before, self._look())
            found = [line for line in found if line in again]
        return found


@dataclass(slots=True)
class _Course:
    """How far a step has come."""

    stage: str = "inject"
    because: str = "failed"
    began_ending: float | None = None
    met: dict[str, Any] | None = None
    """How often the target met it, once the hold is over."""


def _reconnecting(fault: Fault, target: StepTarget) -> Callable[[], Mapping[str, int]]:
    """What resets the connections that the app keeps open to whom the fault is about: whom, has to be asked now."""
    from chaos.faults.network.reconnect import peers_of, reset_open  # few steps do

    peers = peers_of(fault, target)
    return lambda: {"reconnected": reset_open(target, peers)}


def _hold(injection: Injection, target: StepTarget) -> None:
    """Look at the fault from the side at its own rate until the hold is over."""
    next_look = time.monotonic()
    while not target.wait(max(0.0, next_look - time.monotonic())):
        sample = injection.observe()
        if sample is not None:
            target.measured(**sample)
        next_look = max(next_look + injection.every_s, time.monotonic())
