"""Dashboard of a game day, sent to Grafana if one is configured; it never changes the result."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.errors import PublishError
from chaos.game_days.learnt import DayReport
from chaos.publish import dashboards
from chaos.publish.dashboard import delivery_of, prometheus_url, with_dashboard
from chaos.publish.grafana import Dispatch, Receipt, configured
from chaos.publish.grafana.deliver import deliver
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
    return with_dashboard(day, receipt.link or receipt.url, delivery_of(folder, receipt, failure))


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
