"""The mission's own words. Times are RFC 3339 UTC, lengths seconds. Fields and enums grow."""

from typing import Any, Literal

from pydantic import BaseModel


class MissionStarted(BaseModel):
    """A start in the words of the mission."""

    experiment_id: str
    status: Literal["queued", "running", "completed", "failed"]
    grafana_url: str | None
    status_url: str
    results_url: str
    console_url: str
    prefect_url: str | None
    assumed: dict[str, str]


class MissionStatus(BaseModel):
    """How far it is."""

    experiment_id: str
    status: Literal["queued", "running", "completed", "failed"]
    phase: str | None
    progress: float
    message: str
    eta_seconds: float | None
    grafana_url: str | None


class MissionResults(BaseModel):
    """What it came to."""

    experiment_id: str
    verdict: str
    why: str
    summary: str
    metrics: dict[str, float | None]
    severity: str | None
    recommendations: list[str]
    logs: list[dict[str, Any]]
    grafana_url: str | None
    report_url: str | None
    result: dict[str, Any]
