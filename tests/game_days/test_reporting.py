"""A day's folder: all its files, whatever became of its runs."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from chaos.errors import PublishError
from chaos.game_days.learnt import DayReport
from chaos.publish.game_day_report import push, write
from chaos.verdict import Verdict
from tests.game_days.a_day import RUN_ID, day, results, run_id, written


def test_leaves_its_files_and_returns_what_they_say(tmp_path: Path) -> None:
    folder = written(tmp_path)
    report = write(day(), folder, prefect="http://127.0.0.1:4200/runs/flow-run/1")

    assert {each.name for each in folder.iterdir()} == {
        "day.json",
        "report.html",
        "junit.xml",
        "dashboard.json",
    }
    assert DayReport.model_validate_json((folder / "day.json").read_bytes()) == report
    assert (report.verdict, report.exit_code) == (Verdict.DEVIATED, 1)
    assert report.links.report == (folder / "report.html").as_uri()
    assert json.loads((folder / "dashboard.json").read_text())["uid"] == "chaoslab-day_payments"


def test_a_run_is_linked_where_its_page_is(tmp_path: Path) -> None:
    report = write(day(), written(tmp_path))
    pages = {run.experiment: run.report for run in report.runs}
    assert pages["disk"] == f"../{run_id('disk')}/report.html"
    assert pages["dns"] is None
    assert (tmp_path / RUN_ID / str(pages["disk"])).is_file()


def test_runs_that_have_gone_or_are_broken_are_told_by_the_record(tmp_path: Path) -> None:
    found = results()
    folder = written(tmp_path, {})
    broken = tmp_path / run_id("disk")
    broken.mkdir()
    (broken / "result.json").write_text('{"run_id": ')

    report = write(day(), folder)

    assert found.keys() & {run.run_id for run in report.runs if run.digest} == set()
    assert report.verdict is Verdict.DEVIATED
    assert report.score.value < report.score.at_most


def test_the_same_day_a_week_later_is_compared(tmp_path: Path) -> None:
    write(day(run_id="20261116-090000-payments-aaaaaa"), _named(tmp_path, "20261116-090000-payments-aaaaaa"))
    report = write(day(), written(tmp_path))
    assert report.previous is not None
    assert report.previous.run_id == "20261116-090000-payments-aaaaaa"
    assert report.previous.told in (tmp_path / RUN_ID / "report.html").read_text()


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "junit.xml").mkdir()
    with pytest.raises(PublishError, match="cannot write the day's report"):
        write(day(), folder)
    assert not list(folder.glob("*.part"))


def test_junit_is_green_only_for_what_held(tmp_path: Path) -> None:
    folder = written(tmp_path)
    write(day(), folder)
    root = Xml.parse(folder / "junit.xml").getroot()
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["errors"]) == ("7", "1", "3")
    ends = {
        case.attrib["name"]: [each.tag for each in case if each.tag != "system-out"]
        for case in root.iter("testcase")
    }
    assert ends == {
        "network": [],
        "memory": [],
        "disk": ["failure"],
        "disk-again": [],
        "kill": ["error"],
        "dns": ["error"],
        "cpu": ["error"],
    }
    known = {each.attrib["name"]: each.attrib["value"] for each in root.iter("property")}
    assert (known["score"], known["verdict"]) == ("35", "deviated")


def test_a_folder_without_a_day_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"day\.json: .*expected the folder of a game day"):
        push(tmp_path, within_s=1.0)


def _named(out: Path, name: str) -> Path:
    folder = out / name
    folder.mkdir()
    return folder
