"""Name the fault from what the target showed, without being told: the same evidence, its labels hidden.

Used to find out how far an analysis can be trusted to tell causes apart (`bench/diagnosis.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.events import Event

CALM = "none"
"""Nothing was done to it."""

_SHOWN = (
    "phase.started",
    "phase.ended",
    "load.sampled",
    "probe.sampled",
    "usage.sampled",
    "log.captured",
    "process.started",
    "process.ready",
    "process.exited",
    "process.failed",
    "memory.killed",
)


def blinded(events: Sequence[Event]) -> list[Event]:
    """What the target showed and when: no plan, no name, no event of a fault."""
    return [event for event in events if event.type in _SHOWN]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The fault that explains the evidence best, and why."""

    fault: str
    because: str


def diagnose(events: Sequence[Event]) -> Diagnosis:
    return Diagnosis(CALM, "nothing stands out")
