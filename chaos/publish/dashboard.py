"""A run's dashboard: drawn by its template, delivered into Grafana when one is configured. Nothing here fails a run.

What does not arrive is said in the result, with the command that delivers it later.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from chaos.analysis.result import Delivery, Result
from chaos.errors import PublishError
from chaos.publish import dashboards
from chaos.publish.grafana import Annotation, Dispatch, Receipt, Server, configured
from chaos.publish.grafana.deliver import deliver
from chaos.report.elsewhere import openable
from chaos.runs.directory import Run
from chaos.settings import Settings

if TYPE_CHECKING:
    from chaos.game_days.learnt import DayReport

OURS = dashboards.TEMPLATES / "experiment.json.j2"
Told = TypeVar("Told", Result, "DayReport")
_LIVE_WITHIN_S = 8.0
"""From the beginning of a run, in which nobody waits for it: no run that is worth watching is shorter."""


@dataclass(frozen=True)
class RenderedDashboard:
    """A dashboard, and what is wrong with the team's template when it had to be ours instead."""

    dashboard: dict[str, Any]
    complaint: str = ""


def rendered_dashboard(result: Result | None, started: Mapping[str, Any]) -> RenderedDashboard:
    """By the template that the manifest names, else by ours. `started` is `run.started.data`."""
    plan, template = started.get("plan") or {}, started.get("dashboard")
    if template:
        try:
            return RenderedDashboard(_unmistakable(dashboards.render(Path(template), result, plan), plan))
        except PublishError as error:
            return RenderedDashboard(
                dashboards.render(OURS, result, plan), f"{error}; ours was drawn instead"
            )
    return RenderedDashboard(dashboards.render(OURS, result, plan))


def _unmistakable(dashboard: dict[str, Any], plan: Mapping[str, Any]) -> dict[str, Any]:
    """A team's dashboard under the experiment's own address, or it could replace somebody else's."""
    return dashboard | {"uid": dashboards.uid(str(plan.get("experiment") or "experiment"))}


def publish(
    run: Run, result: Result, drawn: RenderedDashboard, settings: Settings, within_s: float
) -> Result:
    """Deliver the dashboard of a finished run; the result with its link and what became of it."""
    try:
        server = configured(settings)
        if server is None:
            return _noted(result, None, Delivery(complete=not drawn.complaint, why=drawn.complaint), drawn)
        receipt, failure = deliver(server, _dispatch(result, drawn.dashboard, settings), within_s)
    except PublishError as error:
        receipt, failure = Receipt(), error
    marked = float(receipt.marked)
    delivery = delivery_of(run.folder, receipt, failure, drawn.complaint, fault_windows=marked)
    return _noted(result, receipt.link or receipt.url, delivery, drawn)


def announce(
    run_id: str, drawn: RenderedDashboard, experiment: str, server: Server, settings: Settings
) -> tuple[str | None, Delivery]:
    """Deliver the dashboard of a run that is under way: its link, and what became of it."""
    where = prometheus_url(settings)
    receipt, failure = deliver(server, Dispatch(drawn.dashboard, run_id, experiment, where), _LIVE_WITHIN_S)
    numbers = {"took_s": round(receipt.took_s, 3)}
    return receipt.link, Delivery(complete=failure is None, why=str(failure or ""), numbers=numbers)


def _noted(result: Result, link: str | None, delivery: Delivery, drawn: RenderedDashboard) -> Result:
    """A link is this delivery's or none: what an earlier one has stored is named in words, and is not what was sent."""
    nothing_to_say = link is None and delivery.complete and not delivery.numbers
    if nothing_to_say and not drawn.complaint:
        return result
    return with_dashboard(result, link, delivery)


def with_dashboard(told: Told, link: str | None, delivery: Delivery) -> Told:
    """A result, or the report of a day, with the dashboard's link and what became of it."""
    if link is None and (earlier := told.links.dashboard):
        why = f"{delivery.why}; what an earlier delivery has stored is at {earlier}".removeprefix("; ")
        delivery = delivery.model_copy(update={"why": why})
    links = told.links.model_copy(update={"dashboard": openable(link)})
    return told.model_copy(update={"links": links, "delivery": {**told.delivery, "dashboard": delivery}})


def delivery_of(
    folder: Path, receipt: Receipt, failure: PublishError | None, complaint: str = "", **numbers: float
) -> Delivery:
    """What became of a dashboard, of a run or of a day in that folder."""
    whys = [str(each) for each in (failure, complaint, receipt.doubts) if each]
    return Delivery(
        complete=not whys,
        why="; ".join(whys) or receipt.remark,
        later=f"chaoslab dashboard push {shlex.quote(str(folder))}" if whys else None,
        numbers={
            "took_s": round(receipt.took_s, 3),
            **numbers,
            "panel_queries": float(receipt.queries),
            "panels_without_data": float(len(receipt.empty)),
        },
    )


def _dispatch(result: Result, dashboard: Mapping[str, Any], settings: Settings) -> Dispatch:
    windows = [
        Annotation(
            step.name, step.fault, _unix(step.injected_at), _unix(step.recovered_at or result.ended_at)
        )
        for step in result.steps
        if step.injected_at is not None
    ]
    return Dispatch(
        dashboard=dashboard,
        run_id=result.run_id,
        experiment=result.experiment,
        prometheus_url=prometheus_url(settings),
        start=_unix(result.started_at),
        end=_unix(result.ended_at),
        windows=windows,
        besides=dashboards.shared(),
    )


def prometheus_url(settings: Settings) -> str | None:
    """Where Grafana is to find the metrics; without the password, which no data source of ours may carry."""
    if settings.prometheus_url is None:
        return None
    place = urlsplit(settings.prometheus_url)
    return place._replace(netloc=place.netloc.rpartition("@")[2]).geturl()


def _unix(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
