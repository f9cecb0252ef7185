"""Dashboard of a game day, sent to Grafana if one is configured; it never changes the result."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.analysis.result import Delivery
from chaos.errors import PublishError
from chaos.game_days.learnt import DayReport
from chaos.publish import dashboards
from chaos.publish.dashboard import prometheus_url, with_earlier_link
from chaos.publish.grafana import Dispatch, Receipt, configured
from chaos.publish.grafana.deliver import deliver
from chaos.report.elsewhere import openable
from chaos.settings import Settings


def publish(day: DayReport, dashboard: Mapping[str, Any], folder: Path, within_s: float) -> DayReport:
    """The report with the dashboard's link and what became of it. The fault windows are marked by the runs' own."""
    settings = Settings()
    try:
        server = configured(settings)
        if server is None:
            return day
        receipt, failure = deliver(server, _dispatch(day, dashboard, settings), within_s)
    except PublishError as error:
        receipt, failure = Receipt(), error
    whys = [str(each) for each in (failure, receipt.doubts) if each]
    delivery = Delivery(
        complete=not whys,
        why="; ".join(whys) or receipt.remark,
        later=f"chaoslab dashboard push {shlex.quote(str(folder))}" if whys else None,
        numbers={
            "took_s": round(receipt.took_s, 3),
            "panel_queries": float(receipt.queries),
            "panels_without_data": float(len(receipt.empty)),
        },
    )
    link = receipt.link or receipt.url
    if link is None and (earlier := day.links.dashboard):
        delivery = delivery.model_copy(update={"why": with_earlier_link(delivery.why, earlier)})
    links = day.links.model_copy(update={"dashboard": openable(link)})
    return day.model_copy(update={"links": links, "delivery": {**day.delivery, "dashboard": delivery}})


def _dispatch(day: DayReport, dashboard: Mapping[str, Any], settings: Settings) -> Dispatch:
    return Dispatch(
        dashboard=dashboard,
        run_id=day.run_id,
        experiment=day.game_day,
        prometheus_url=prometheus_url(settings),
        start=day.started_at.timestamp(),
        end=day.until.timestamp(),
        besides=dashboards.shared(),
    )
