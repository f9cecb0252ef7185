"""Last stage of a game day: summary, comparison, page and dashboard, all written into its folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.analysis.result import Links, Result
from chaos.errors import PublishError
from chaos.game_days.comparison import RECORD, day_in
from chaos.game_days.day import Day
from chaos.game_days.gathering import REPORT, learnt, record_text, results_beside
from chaos.game_days.learnt import DayReport
from chaos.publish import dashboards
from chaos.publish import game_day_dashboard as publish_day
from chaos.publish.grafana.deliver import WITHIN_S
from chaos.report import day as page
from chaos.report.day_junit import junit
from chaos.report.day_markdown import summary
from chaos.runs.directory import write_whole


def write(day: Day, folder: Path, prefect: str | None = None) -> DayReport:
    """Write day.json, report.html, junit.xml and dashboard.json into `folder`, and deliver the dashboard.

    A run whose folder has gone is told by the day's record alone. `prefect` is the day's page there. Raises
    PublishError when the disk refuses; nothing else stops it, and nothing changes what the day taught.
    """
    folder = folder.absolute()
    report, results = learnt(day, folder)
    report = report.model_copy(update={"links": Links(report=(folder / REPORT).as_uri(), prefect=prefect)})
    return _deliver(report, results, folder, WITHIN_S)


def again(day: Day, folder: Path) -> tuple[DayReport, Mapping[str, Result]]:
    """The same without anybody's help: what was delivered then is said as it was. Writes nothing."""
    report, results = learnt(day, folder)
    before = day_in(folder)
    links = (before.links if before else Links()).model_copy(update={"report": (folder / REPORT).as_uri()})
    return report.model_copy(update={"links": links, "delivery": before.delivery if before else {}}), results


def revisit(folder: Path) -> DayReport:
    """A day of the past, from its folder. Raises PublishError."""
    try:
        return DayReport.model_validate_json((folder / RECORD).read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a day of this version"
        raise PublishError(f"{folder / RECORD}: {why}; expected the folder of a game day") from error


def push(folder: Path, within_s: float) -> DayReport:
    """Deliver the dashboard of a day of the past, and link it in its report. Raises PublishError."""
    report = revisit(folder)
    return _deliver(report, results_beside(report, folder), folder.absolute(), within_s)


def draw(report: DayReport, folder: Path) -> dict[str, Any]:
    """The dashboard of a day of the past."""
    return _drawn(report, results_beside(report, folder))


def keep(report: DayReport, results: Mapping[str, Result], folder: Path) -> None:
    """Write the files of a day's folder. Raises PublishError."""
    files = {
        RECORD: record_text(report),
        REPORT: page.render(report),
        "junit.xml": junit(report),
        "dashboard.json": json.dumps(_drawn(report, results), indent=2) + "\n",
    }
    _write(folder, files)


def _drawn(report: DayReport, results: Mapping[str, Result]) -> dict[str, Any]:
    has_load = any(result.load for result in results.values())
    return dashboards.game_day(report, summary(report), has_load=has_load)


def _deliver(report: DayReport, results: Mapping[str, Result], folder: Path, within_s: float) -> DayReport:
    report = publish_day.publish(report, _drawn(report, results), folder, within_s)
    keep(report, results, folder)
    return report


def _write(folder: Path, files: Mapping[str, str]) -> None:
    try:
        for name, text in files.items():
            write_whole(folder / name, text)
    except OSError as error:
        raise PublishError(f"{folder}: cannot write the day's report: {error.strerror}") from error
