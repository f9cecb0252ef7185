"""What a run left behind. Times are RFC 3339 UTC, lengths seconds. Fields and enums grow."""

from typing import Any

from pydantic import BaseModel

from flows.console.answers.runs import RunSummary
from flows.console.problems import ProblemDetail


class Series(BaseModel):
    """The charts of a run as columns; times are seconds since `start` (Unix seconds)."""

    start: float
    end: float
    bucket_s: float
    phases: list[tuple[str, float, float]]
    faults: list[tuple[str, float, float]]
    latency_p50: list[tuple[float, float]]
    latency_p95: list[tuple[float, float]]
    error_rate: list[tuple[float, float]]
    throughput: list[tuple[float, float]]
    cpu: list[tuple[float, float]]
    memory: list[tuple[float, float]]
    disk: dict[str, list[tuple[float, float]]]
    probes: list[tuple[str, list[tuple[float, float, bool]]]]
    next: str | None = None
    """The id of the last event of the stream that this holds: what `Last-Event-ID` takes."""


class TargetLine(BaseModel):
    """One line that a process of the target wrote."""

    n: int
    at: str
    process: str
    stream: str
    line: str


class LogPage(BaseModel):
    """Lines in their order."""

    items: list[TargetLine]
    next: int | None = None
    """What `after=` takes for more; null: nothing more now."""


class PlanView(BaseModel):
    """What a run will do or did."""

    experiment: str
    words: str
    """As `chaoslab plan` says it; empty for one that is told from its journal alone."""
    digest: str | None = None
    seed: int | None = None
    declared_s: float | None = None
    plan: dict[str, Any]
    """What the agent is told: phases, steps, faults, steady states."""
    refusals: list[ProblemDetail] = []
    """Why it cannot or must not be carried out."""


class Artifact(BaseModel):
    """A file of a run."""

    name: str
    bytes: int
    href: str
    whole: bool
    """False: it still grows."""


class Artifacts(BaseModel):
    """The files of a run."""

    items: list[Artifact]


class NumberBeside(BaseModel):
    """One number of two runs."""

    name: str
    a: float | None
    b: float | None
    change: float | None


class Comparison(BaseModel):
    """Two runs beside each other: what changed from `a` to `b`."""

    a: RunSummary
    b: RunSummary
    same_digest: bool
    changes: list[str]
    """What is beyond noise, in words."""
    unseen: str
    numbers: list[NumberBeside]
    series: dict[str, Series]
    zero: dict[str, float | None]
    """When the first fault was injected: seconds since the start of each run's series."""
