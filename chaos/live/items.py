"""Items of a live view. Plain, frozen; texts are inert."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SLOT_S = 0.1
"""A frame is of so much of the run's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Every chart at one moment. One of the same `index` replaces an earlier one: what was asked then ended only now.

    What is None was not measured then, or (p50, p95) of nothing but failures.
    """

    segment: int
    """Which trial or control of the run, from 1."""
    index: int
    """Which slot of it, from 0."""
    at: float
    """The slot's end, Unix seconds of the agent's clock."""
    t: float
    """The same in seconds since the first phase began."""
    phase: str
    p50: float | None = None
    """Seconds; of the requests that were to be sent in the last second, as the report has them."""
    p95: float | None = None
    errors: float | None = None
    """Share of them that failed."""
    throughput: float | None = None
    """Good answers a second."""
    cpu: float | None = None
    """The highest of the slot; percent of one core."""
    memory: float | None = None
    """Percent of the sandbox's limit."""
    disk: Mapping[str, float] = field(default_factory=dict)
    """Path -> percent full."""
    probes: Mapping[str, tuple[bool, float]] = field(default_factory=dict)
    """Steady state -> the worst look of the slot: whether it was good, and the seconds that it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened."""

    segment: int
    at: float
    t: float | None
    """None before the first phase began."""
    what: str
    """The event's type: `fault.injected`, `phase.started`, …"""
    words: str
    step: str | None = None
    phase: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFidelity:
    """Asked against delivered, of one step, at most once a second while its fault is in place."""

    segment: int
    at: float
    t: float | None
    step: str
    what: str
    """The first thing that was asked for, such as `delay_ms`."""
    asked: float
    delivered: float | None
    samples: int
    """Of the last ones, 2,000 at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A line that a process of the target wrote; at most fifty a second, and then how many were left out."""

    segment: int
    at: float
    t: float | None
    process: str
    stream: str
    line: str
    dropped: int = 0
    """Lines of the second before that are not shown; the journal has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A trial, or a control, is over: there is nothing more of this segment."""

    segment: int
    outcome: str
    why: str


Item = Frame | Mark | StepFidelity | LogEntry | End
