"""What a day taught, read from the folders of its runs and of the last day beside it. Writes nothing but day.json."""

from collections.abc import Mapping
from pathlib import Path

from chaos.analysis.result import Result
from chaos.errors import ChaosLabError
from chaos.explain.comparison import result_in
from chaos.game_days.comparison import RECORD, compare, earlier
from chaos.game_days.day import Day
from chaos.game_days.learnt import DayReport
from chaos.game_days.summing_up import summed_up
from chaos.runs.directory import write_whole
from chaos.text.inert import in_json

REPORT = "report.html"


def learnt(day: Day, folder: Path) -> tuple[DayReport, Mapping[str, Result]]:
    """What the day taught, compared with the last one beside `folder`, and the results of its runs."""
    folders = _folders(day, folder)
    results = _results(folders)
    report = summed_up(
        day, results, {run_id: _page(there) for run_id, there in folders.items() if _page(there)}
    )
    if before := earlier(folder, day.name):
        there, then = before
        compared = compare(report, then, results, results_beside(then, there))
        report = report.model_copy(update={"previous": compared})
    return report, results


def results_beside(report: DayReport, folder: Path) -> dict[str, Result]:
    """Of a day of the past: its runs lie beside it, if they are still there."""
    return _results({run.run_id: folder.absolute().parent / run.run_id for run in report.runs if run.run_id})


def record_text(report: DayReport) -> str:
    """The text of day.json."""
    return in_json(report.model_dump_json(indent=2)) + "\n"


def keep_record(report: DayReport, folder: Path) -> None:
    """Write day.json alone. Raises ChaosLabError."""
    try:
        write_whole(folder / RECORD, record_text(report))
    except OSError as error:
        raise ChaosLabError(f"{folder / RECORD}: cannot write the day: {error.strerror}") from error


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


def _page(folder: Path) -> str:
    """The address of a run's page, as seen from the day's; empty when there is none."""
    return f"../{folder.name}/{REPORT}" if (folder / REPORT).is_file() else ""
