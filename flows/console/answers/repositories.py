"""What repositories hold. Times are RFC 3339 UTC, lengths seconds. Fields and enums grow."""

from typing import Any

from pydantic import BaseModel

from flows.console.answers.runs import RunSummary


class ExperimentView(BaseModel):
    """One experiment: what is registered of it, and how it went."""

    name: str
    repository: str | None
    path: str | None = None
    digest: str | None = None
    sync: str | None = None
    suspended: bool | None = None
    schedule: str | None = None
    conditions: list[dict[str, Any]] = []
    last_run: RunSummary | None = None
    runs: int = 0
    score: float | None = None
    """Share of its last 20 runs that held, of those that proved something; null of none."""
    coverage: float | None = None
    """Share of its last 20 runs that proved something."""


class Experiments(BaseModel):
    """All of them."""

    items: list[ExperimentView]
    partial: str | None = None
    """Why it may not be up to date, or holds only what ever ran."""


class TrendPoint(BaseModel):
    """One run in the trend of its experiment."""

    id: str
    created_at: str
    verdict: str | None
    outcome: str | None
    digest: str | None
    commit: str | None
    overridden: bool
    latency_p95: float | None
    error_rate: float | None
    recovery_s: float | None
    cpu_peak: float | None
    memory_peak: float | None


class Trend(BaseModel):
    """An experiment over time, oldest first."""

    items: list[TrendPoint]
    partial: str | None = None


class Repositories(BaseModel):
    """What `chaoslab status --json` prints of repositories."""

    items: list[dict[str, Any]]


class Synced(BaseModel):
    """A repository brought in line, or what that would take."""

    dry_run: bool
    flow_run: str | None = None
    """The run of `reconcile` that does it."""
    prefect: str | None = None
    commit: str | None = None
    actions: list[dict[str, Any]] = []
    """Of a dry run: kind, name and why of each thing that would be done."""


class GameDay(BaseModel):
    """One game day."""

    id: str
    name: str
    verdict: str | None
    score: int | None
    coverage: float | None
    started_at: str
    ended_at: str | None
    state: str
    flow_run: str | None = None
    """Of one that goes on: what `decision` takes."""
    question: str | None = None
    """What it asks a person now."""
    runs: list[dict[str, Any]] = []
    fold: dict[str, Any] | None = None


class GameDays(BaseModel):
    """Newest first."""

    items: list[GameDay]
    partial: str | None = None
