"""Runs, as lists and pages show them. Times are RFC 3339 UTC, lengths seconds. Fields and enums grow."""

from typing import Literal

from pydantic import BaseModel

State = Literal["queued", "running", "waiting", "stopping", "ended"]


class RunLinks(BaseModel):
    """Where to look further."""

    self: str
    prefect: str | None = None
    grafana: str | None = None


class Progress(BaseModel):
    """How far the declared phases have got."""

    percent: float
    elapsed_s: float | None = None
    declared_s: float | None = None
    eta_s: float | None = None


class RunDelivery(BaseModel):
    """What of its files is here."""

    journal: Literal["whole", "partial", "none"]
    result: bool
    report: bool
    why: str = ""
    remedy: str | None = None


class RunSummary(BaseModel):
    """A run as lists show it."""

    id: str
    run_id: str | None = None
    experiment: str
    repository: str | None = None
    game_day: str | None = None
    state: State
    phase: str | None = None
    outcome: str | None = None
    verdict: str | None = None
    severity: str | None = None
    why: str | None = None
    started_by: str | None = None
    labels: dict[str, str] = {}
    faults: list[str] = []
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    latency_p95: float | None = None
    error_rate: float | None = None
    recovery_s: float | None = None
    links: RunLinks


class RunPage(BaseModel):
    """A piece of the list of runs, newest first."""

    items: list[RunSummary]
    next: str | None = None
    """What `cursor=` takes for the piece after it; null: that was all."""
    partial: str | None = None
    """Why it may not be up to date."""


class Run(RunSummary):
    """A run now."""

    commit: str | None = None
    seed: int | None = None
    hypothesis: str | None = None
    doubts: list[str] = []
    progress: Progress
    waiting_for: str | None = None
    worker: str | None = None
    delivery: RunDelivery


class Started(BaseModel):
    """A run that was asked for."""

    id: str
    run_id: str | None = None
    experiment: str
    state: State
    waiting_for: str | None = None
    links: RunLinks


class Counted(BaseModel):
    """How many runs there are."""

    total: int
    live: int
    verdicts: dict[str, int]
    outcomes: dict[str, int]
    partial: str | None = None
