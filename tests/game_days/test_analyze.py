"""`chaoslab analyze day.ndjson`: the day's report again, from its journal alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chaos.cli.main import cli
from chaos.events import Event
from chaos.game_days.learnt import DayReport
from chaos.game_days.record import journal_of
from chaos.publish.game_day_report import write
from tests.game_days.a_day import START, day, run_id, written

AT = START.timestamp()


def told(folder: Path, *, to_its_end: bool) -> Path:
    """The journal of a day of two experiments; without its end, as a killed worker leaves it."""
    journal = journal_of(folder)
    about: dict[str, Any] = {
        "run_id": folder.name,
        "name": "payments",
        "purpose": "To know.",
        "digest": "sha256:1",
        "participants": ["Ada"],
        "notes": "",
        "commit": None,
        "planned": [{"stage": "all", "experiments": ["network", "disk", "cpu"]}],
        "weights": {},
        "source": "day.yaml",
    }
    facts: list[tuple[str, float, dict[str, Any]]] = [
        ("day.started", 0, about),
        ("stage.started", 1, {"stage": "all"}),
        *_run("network", "held", 2),
        *_run("disk", "deviated", 110),
    ]
    if to_its_end:
        facts += [
            ("stage.ended", 230, {"stage": "all"}),
            ("day.ended", 231, {"ended": "stopped", "why": "enough"}),
        ]
    for number, (kind, after, data) in enumerate(facts):
        journal.append(Event(kind, AT + after, data, "host", number))
    return journal.path


def _run(name: str, verdict: str, begin: float) -> list[tuple[str, float, dict[str, Any]]]:
    found: dict[str, Any] = {"experiment": name, "follow_up_of": None, "run_id": run_id(name)}
    ended = {
        **found,
        "outcome": "completed",
        "verdict": verdict,
        "why": f"{name} {verdict}.",
        "flow_run": None,
    }
    return [
        ("experiment.begun", begin, {"stage": "all", "experiment": name, "follow_up_of": None}),
        ("experiment.found", begin + 0.1, {**found, "folder": run_id(name)}),
        ("experiment.ended", begin + 101, ended),
    ]


def analyzed(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["analyze", *arguments])


def test_says_the_day_and_writes_its_report_again(tmp_path: Path) -> None:
    folder = written(tmp_path)
    found = analyzed(str(told(folder, to_its_end=True)))
    assert found.exit_code == 1
    assert found.output.startswith("DEVIATED  payments: “disk” deviated.")
    assert "  score   41 of 100, 66\u00a0% proven, at most 75 had the rest held" in found.output
    assert "  not run cpu" in found.output
    assert (folder / "report.html").is_file()


def test_json_is_what_day_json_says(tmp_path: Path) -> None:
    folder = written(tmp_path)
    found = analyzed(str(told(folder, to_its_end=True)), "--json")
    assert DayReport.model_validate_json(found.output) == DayReport.model_validate_json(
        (folder / "day.json").read_bytes()
    )


def test_a_day_whose_worker_died_is_told_as_far_as_it_got(tmp_path: Path) -> None:
    folder = written(tmp_path)
    found = analyzed(str(told(folder, to_its_end=False)), "--json")
    report = json.loads(found.output)
    assert report["ended"] is None
    assert [run["verdict"] for run in report["runs"]] == ["held", "deviated"]
    assert "The day was never seen to end" in (folder / "report.html").read_text()


def test_what_was_delivered_then_stays_said(tmp_path: Path) -> None:
    folder = written(tmp_path)
    write(day(), folder, prefect="http://127.0.0.1:4200/runs/1")
    analyzed(str(told(folder, to_its_end=True)))
    assert (
        DayReport.model_validate_json((folder / "day.json").read_bytes()).links.prefect
        == "http://127.0.0.1:4200/runs/1"
    )


def test_a_day_has_the_words_of_its_runs(tmp_path: Path) -> None:
    found = analyzed(str(told(written(tmp_path), to_its_end=True)), "--analyzer", "groq")
    assert found.exit_code == 2
    assert "--analyzer is for the journal of a run" in found.output


HALF = '{"type":"day.started","at":1.0,"data":{"name":"x"},"source":"host","seq":0}\n'


@pytest.mark.parametrize("text", ["", "no json\n", '{"type":"day.ended"}\n', HALF])
def test_what_is_no_journal_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "day.ndjson"
    path.write_text(text)
    found = analyzed(str(path))
    assert found.exit_code == 2
    assert "Traceback" not in found.output
    assert list(tmp_path.iterdir()) == [path]
