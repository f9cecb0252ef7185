"""Dispatch of one run's dashboard: what is to be sent, and what has arrived so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Annotation:
    """When one fault acted, to be marked on the dashboard; Unix seconds."""

    step: str
    fault: str
    start: float
    end: float


@dataclass(frozen=True)
class Dispatch:
    """One dashboard, and what belongs to it. Times are Unix seconds."""

    dashboard: Mapping[str, Any]
    run_id: str
    experiment: str
    prometheus_url: str | None
    """Where Grafana finds the metrics; None leaves it to the data sources that Grafana has."""
    start: float | None = None
    """Of the run; None while it lasts, when nothing is queried yet."""
    end: float | None = None
    windows: Sequence[Annotation] = ()
    besides: Sequence[Mapping[str, Any]] = ()
    """Dashboards that are the same for every run, stored when they are not there as they should be."""


@dataclass
class Receipt:
    """What has arrived; filled in step by step, so that a delivery cut short says how far it came."""

    url: str | None = None
    """Of the dashboard, as Grafana calls itself."""
    link: str | None = None
    """The same with the run and its time range."""
    marked: int = 0
    """Fault windows on the dashboard."""
    queries: int = 0
    """Of panels, that were run."""
    empty: list[str] = field(default_factory=list)
    """Panels for which Grafana gets no data."""
    failed: list[str] = field(default_factory=list)
    """`panel: why` of queries that went wrong."""
    left: list[str] = field(default_factory=list)
    """Dashboards beside it that Grafana has from elsewhere and does not let us change."""
    took_s: float = 0.0

    @property
    def doubts(self) -> str:
        """What is wrong with a dashboard that did arrive, in one sentence; nothing when nothing is."""
        if self.failed:
            return f"{len(self.failed)} panel(s) cannot be read: {self.failed[0]}"
        return f"panels without data: {', '.join(self.empty)}" if self.empty else ""

    @property
    def remark(self) -> str:
        """What is as it should be and still worth a sentence."""
        return f"provisioned in Grafana, and left as it is there: {', '.join(self.left)}" if self.left else ""
