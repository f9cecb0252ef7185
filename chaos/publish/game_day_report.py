"""Last stage of a game day: summary, comparison, page and dashboard, all written into its folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.analysis.result import Links, Result
from chaos.errors import PublishError
from chaos.explain.comparison import result_in
from chaos.game_days.comparison import RECORD, compare, day_in, earlier
from chaos.game_days.day import Day
from chaos.game_days.learnt import DayReport
from chaos.game_days.summing_up import summed_up
from chaos.publish import dashboards
from chaos.publish import game_day_dashboard as publish_day
from chaos.publish.grafana.deliver import WITHIN_S
from chaos.report import day as page
from chaos.report.day_junit import junit
from chaos.report.day_markdown import summary
from chaos.runs.directory import write_whole
from chaos.text.inert import in_json

REPORT = "report.html"


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
    return _deliver(report, _results_beside(report, folder), folder.absolute(), within_s)


def draw(report: DayReport, folder: Path) -> dict[str, Any]:
    """The dashboard of a day of the past."""
    return _drawn(report, _results_beside(report, folder))


def keep(report: DayReport, results: Mapping[str, Result], folder: Path) -> None:
    """Write the files of a day's folder. Raises PublishError."""
    files = {
        RECORD: in_json(report.model_dump_json(indent=2)) + "\n",
        REPORT: page.render(report),
        "junit.xml": junit(report),
        "dashboard.json": json.dumps(_drawn(report, results), indent=2) + "\n",
    }
    _write(folder, files)


def learnt(day: Day, folder: Path) -> tuple[DayReport, Mapping[str, Result]]:
    """What the day taught, compared with the last one beside `folder`, and the results of its runs. Writes nothing."""
    folders = _folders(day, folder)
    results = _results(folders)
    report = summed_up(
        day, results, {run_id: _page(there) for run_id, there in folders.items() if _page(there)}
    )
    if before := earlier(folder, day.name):
        there, then = before
        compared = compare(report, then, results, _results_beside(then, there))
        report = report.model_copy(update={"previous": compared})
    return report, results


def _folders(day: Day, folder: Path) -> dict[str, Path]:
    """Where each run lies: beside the day's folder, or where the day says."""
    found = {}
    for ran in day.ran:
        if ran.run_id:
            beside = folder.parent / ran.run_id
            found[ran.run_id] = beside if beside.is_dir() or not ran.folder else folder.parent / ran.folder
    return found


def _results(folders: Mapping[str, Path]) -> dict[str, Result]:
    read = {run_id: result_in(there) for run_id, there in folders.items()}
    return {run_id: result for run_id, result in read.items() if result is not None}


def _results_beside(report: DayReport, folder: Path) -> dict[str, Result]:
    """Of a day of the past: its runs lie beside it, if they are still there."""
    return _results({run.run_id: folder.absolute().parent / run.run_id for run in report.runs if run.run_id})


def _page(folder: Path) -> str:
    """The address of a run's page, as seen from the day's; empty when there is none."""
    return f"../{folder.name}/{REPORT}" if (folder / REPORT).is_file() else ""


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
