"""What is drawn at the end of a run, when something of it cannot be."""

import json
from pathlib import Path

import pytest

import chaos.publish.dashboards.render  # noqa: F401  the module; its package has a function of that name
from chaos.analysis import judge
from chaos.publish import dashboard as publish
from chaos.publish.report import visualize
from chaos.report.console import closing_lines
from chaos.runs.directory import Run
from tests.journals.build import held


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = Run("held", tmp_path)
    (tmp_path / "journal.ndjson").write_bytes(b"".join(event.to_line() for event in held()))
    return found


def test_a_dashboard_that_cannot_be_drawn_costs_no_report(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "OURS", run.folder / "none.json.j2")
    result = visualize(run, judge(held()))
    assert run.report.exists()
    assert not run.dashboard.exists()
    assert json.loads(run.result.read_text())["links"]["report"] == run.report.as_uri()
    assert result.delivery["dashboard"].why.startswith("not drawn: ")
    assert f"  report  {run.report}" in list(closing_lines(result, run.folder))


def test_a_report_that_is_not_there_is_not_announced(run: Run) -> None:
    assert not any("report" in line.split()[:1] for line in closing_lines(judge(held()), run.folder))
