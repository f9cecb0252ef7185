"""The last stage of a run: draw report.html and dashboard.json beside result.json, from the journal and the result."""

import json

from chaos import dashboards
from chaos.errors import PublishError
from chaos.measure.result import Result
from chaos.measure.series import series
from chaos.measure.trials import shown
from chaos.report import html
from chaos.run import Run, write_whole


def prepare() -> None:
    """Compile the templates, while there is time. Raises PublishError."""
    dashboards.render(dashboards.TEMPLATES / "experiment.json.j2", None, {})
    html.prepare()


def visualize(run: Run, result: Result) -> Result:
    """Write both; the result with its links. Raises PublishError, which never changes a verdict."""
    events = shown(list(run.journal.events()), result)
    started = events[0].data if events else {}
    dashboard = dashboards.render(dashboards.TEMPLATES / "experiment.json.j2", result, started.get("plan", {}))
    linked = result.model_copy(
        update={"links": result.links.model_copy(update={"report": run.report.as_uri()})}
    )
    try:
        write_whole(run.dashboard, json.dumps(dashboard, indent=2) + "\n")
        write_whole(run.report, html.render(linked, series(events), started))
        write_whole(run.result, linked.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise PublishError(f"{run.folder}: cannot write the report: {error.strerror}") from error
    return linked
