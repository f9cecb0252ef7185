"""Last stage of a run: report.html and dashboard.json beside result.json, and the delivery of the dashboard."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.analysis.chart import series
from chaos.analysis.result import Delivery, Result
from chaos.analysis.trials import shown
from chaos.errors import PublishError
from chaos.publish import dashboards
from chaos.publish.dashboard import OURS, RenderedDashboard, publish, rendered_dashboard
from chaos.publish.grafana.deliver import WITHIN_S
from chaos.report import html
from chaos.run_spec.model import RunSpec
from chaos.runs.directory import Run, write_whole
from chaos.settings import Settings
from chaos.text.inert import in_json

if TYPE_CHECKING:
    from chaos.events import Event


def prepare() -> None:
    """Compile the templates, while there is time. Raises PublishError."""
    dashboards.render(OURS, None, RunSpec())
    html.prepare()


def visualize(run: Run, result: Result, live: Delivery | None = None, within_s: float = WITHIN_S) -> Result:
    """Deliver and write both; the result with its links. `live` is what became of the dashboard shown meanwhile.

    Takes at most `within_s` longer when Grafana does not answer. Raises PublishError, which never changes a verdict.
    """
    events = shown(list(run.journal.events()), result)
    started = events[0].data if events else {}
    settings = Settings()
    linked = result.model_copy(
        update={"links": result.links.model_copy(update={"report": run.report.as_uri()})}
    )
    if live is not None:
        linked = linked.model_copy(update={"delivery": {**linked.delivery, "live dashboard": live}})
    drawn: RenderedDashboard | None = None
    try:
        drawn = rendered_dashboard(linked, started)
    except PublishError as error:  # which never costs the report
        why = Delivery(complete=False, why=f"not drawn: {error}")
        delivered = linked.model_copy(update={"delivery": {**linked.delivery, "dashboard": why}})
    if drawn is not None:
        delivered = publish(run, linked, drawn, settings, within_s)
    _write(run, delivered, drawn, events, settings)
    return delivered


def _write(
    run: Run, result: Result, drawn: RenderedDashboard | None, events: "Sequence[Event]", settings: Settings
) -> None:
    started = events[0].data if events else {}
    page = html.render(result, series(events), started, embed=settings.grafana_embed)
    try:
        if drawn is not None:
            write_whole(run.dashboard, json.dumps(drawn.dashboard, indent=2) + "\n")
        write_whole(run.report, page)
        write_whole(run.result, in_json(result.model_dump_json(indent=2)) + "\n")
    except OSError as error:
        raise PublishError(f"{run.folder}: cannot write the report: {error.strerror}") from error


def revisit(folder: Path) -> tuple[Run, Result]:
    """A run of the past, from its folder. Raises PublishError."""
    run = Run(folder.name, folder.absolute())
    try:
        return run, Result.model_validate_json(run.result.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a result of this version"
        raise PublishError(f"{run.result}: {why}; expected the folder of a run") from error
