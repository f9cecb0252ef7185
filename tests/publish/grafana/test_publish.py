"""What a run makes of a delivery: its result says it, its report links it, its verdict stays as it is."""

import json
import os
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Ended
from playwright.sync_api import Page

from chaos.analysis.result import Result
from chaos.cli.main import cli
from chaos.errors import PublishError
from chaos.events import Event
from chaos.game_days.day import Day, Ran, StageRecord
from chaos.game_days.learnt import DayReport
from chaos.publish.game_day_report import write
from chaos.publish.report import visualize
from chaos.runs.directory import Run
from tests.browser_fixture import Browser, Seen, browser
from tests.doubles.grafana import Grafana
from tests.publish.grafana.stage import Stage, kept
from tests.report.a_run import PLAN, events

__all__ = ["browser"]

UID = "chaoslab-shop-network-delay"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Grafana of whoever runs the tests, and no .env of this repository."""
    for name in list(os.environ):
        if name.startswith(("GRAFANA_", "PROMETHEUS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, new_grafana: Grafana, stage: Stage) -> Grafana:
    monkeypatch.setenv("GRAFANA_URL", new_grafana.url)
    monkeypatch.setenv("GRAFANA_SERVICE_ACCOUNT_TOKEN", new_grafana.token)
    monkeypatch.setenv("PROMETHEUS_URL", stage.prometheus.url)
    return new_grafana


def finished(tmp_path: Path, **started: object) -> tuple[Run, Result]:
    """The made-up run, with more in its first fact."""
    facts = list(events())
    facts[0] = Event(facts[0].type, facts[0].at, {**facts[0].data, **started}, facts[0].source)
    return kept(tmp_path / "run", facts)


def chaoslab(*words: object) -> Ended:
    return CliRunner().invoke(cli, [str(word) for word in words])


def read(run: Run) -> Result:
    return Result.model_validate_json(run.result.read_bytes())


def test_without_a_grafana_nothing_is_delivered_and_nothing_said(tmp_path: Path) -> None:
    run, result = finished(tmp_path)
    drawn = visualize(run, result)
    assert drawn.delivery == {}
    assert drawn.links.dashboard is None
    assert json.loads(run.dashboard.read_text())["uid"] == UID
    assert "In Grafana" not in run.report.read_text()


def test_the_link_is_in_the_result_and_the_report(tmp_path: Path, configured: Grafana) -> None:
    run, result = finished(tmp_path)
    drawn = visualize(run, result, within_s=30)
    link = str(drawn.links.dashboard)
    assert link.startswith(f"{configured.url}/d/{UID}")
    assert read(run) == drawn
    assert (drawn.verdict, drawn.why) == (result.verdict, result.why)
    page = run.report.read_text()
    assert link.replace("&", "&amp;") in page
    assert "<iframe" not in page
    assert "frame-src" not in page


def test_it_is_framed_when_grafana_allows_that(
    tmp_path: Path, configured: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFANA_EMBED", "true")
    run, result = finished(tmp_path)
    visualize(run, result, within_s=30)
    page = run.report.read_text()
    assert f"frame-src {configured.url}" in page
    assert "&amp;kiosk" in page


def test_what_failed_is_delivered_later(tmp_path: Path, configured: Grafana) -> None:
    configured.failing = {"/api/dashboards/db": 500}
    run, result = finished(tmp_path)
    drawn = visualize(run, result, within_s=30)
    delivery = drawn.delivery["dashboard"]
    assert not delivery.complete
    assert "500" in delivery.why
    assert delivery.later == f"chaoslab dashboard push {run.folder}"
    assert drawn.verdict == result.verdict
    assert "Not delivered, dashboard" in run.report.read_text()
    assert chaoslab("dashboard", "push", run.folder).exit_code == 5
    configured.failing = {}
    ended = chaoslab("dashboard", "push", run.folder)
    later = read(run)
    assert later.links.dashboard is not None
    assert later.links.dashboard in ended.stdout
    assert "Not delivered, dashboard: 5" not in run.report.read_text()
    assert later.model_copy(update={"links": result.links, "delivery": {}}) == result


def test_an_old_link_is_not_shown_as_new(tmp_path: Path, configured: Grafana) -> None:
    run, result = finished(tmp_path)
    link = str(visualize(run, result, within_s=30).links.dashboard)
    configured.failing = {"/api/dashboards/db": 403}
    ended = chaoslab("dashboard", "push", run.folder)
    assert ended.exit_code == 5
    assert ended.stdout == ""
    again = read(run)
    assert again.links.dashboard is None
    assert again.delivery["dashboard"].why.endswith(f"what an earlier delivery has stored is at {link}")
    assert f'href="{link.replace("&", "&amp;")}' not in run.report.read_text()


def test_a_provisioned_fleet_is_a_remark_and_nothing_is_missing(tmp_path: Path, configured: Grafana) -> None:
    configured.store.provisioned = {"chaoslab-fleet"}
    run, result = finished(tmp_path)
    delivery = visualize(run, result, within_s=30).delivery["dashboard"]
    assert (delivery.complete, delivery.later) == (True, None)
    assert delivery.why.count("provisioned in Grafana") == 1
    assert "Not delivered, dashboard" not in run.report.read_text()


def test_a_team_s_template_is_used_under_the_experiment_s_address(
    tmp_path: Path, configured: Grafana
) -> None:
    template = tmp_path / "team.json.j2"
    template.write_text('{"uid": "somebody-else-s", "title": {{ hypothesis|tojson }}, "panels": []}')
    run, result = finished(tmp_path, dashboard=str(template))
    visualize(run, result, within_s=30)
    assert set(configured.store.dashboards) == {UID, "chaoslab-fleet"}
    assert configured.store.dashboards[UID]["spec"]["title"] == PLAN["hypothesis"]


def test_a_broken_template_is_said_and_ours_delivered(tmp_path: Path, configured: Grafana) -> None:
    template = tmp_path / "team.json.j2"
    template.write_text('{\n "title": {{ nonsense|tojson }}}')
    run, result = finished(tmp_path, dashboard=str(template))
    drawn = visualize(run, result, within_s=30)
    assert drawn.links.dashboard is not None
    assert f"{template}:2: " in drawn.delivery["dashboard"].why
    assert "ours was drawn instead" in drawn.delivery["dashboard"].why


def test_an_address_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFANA_URL", "grafana.example")
    run, result = finished(tmp_path)
    drawn = visualize(run, result)
    assert "GRAFANA_URL is not the URL of a server" in drawn.delivery["dashboard"].why
    assert drawn.verdict == result.verdict


def test_a_game_day_is_delivered_as_one_dashboard_every_panel_of_which_has_data(
    tmp_path: Path, configured: Grafana, stage: Stage
) -> None:
    run, result = finished(tmp_path)
    folder = tmp_path / "20261122-180000-payments-000001"
    folder.mkdir()
    (tmp_path / result.run_id).symlink_to(run.folder)
    configured.failing = {"/api/dashboards/db": 500}
    failed = write(_day_of(result), folder)
    assert failed.delivery["dashboard"].later == f"chaoslab dashboard push {folder}"
    configured.failing = {}
    ended = chaoslab("dashboard", "push", folder)
    day = DayReport.model_validate_json((folder / "day.json").read_bytes())
    assert day.delivery["dashboard"].why == ""
    assert day.delivery["dashboard"].numbers["panel_queries"] > 10
    assert str(day.links.dashboard) in ended.stdout
    assert str(day.links.dashboard).replace("&", "&amp;") in (folder / "report.html").read_text()
    assert set(configured.store.dashboards) == {"chaoslab-day_payments", "chaoslab-fleet"}


def _day_of(result: Result) -> Day:
    """A game day of one experiment."""
    began, ended = (datetime.fromisoformat(at) for at in (result.started_at, result.ended_at))
    ran = Ran(experiment=result.experiment, run_id=result.run_id, started_at=began, ended_at=ended)
    ran = ran.model_copy(update={"outcome": result.outcome, "verdict": result.verdict})
    stages = (StageRecord(name="all", started_at=began, ran=(ran,)),)
    about = {"run_id": "day", "name": "payments", "purpose": "To know.", "digest": "", "started_at": began}
    return Day.model_validate({**about, "ended_at": ended, "ended": "completed", "stages": stages})


def test_push_needs_a_grafana_and_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "set GRAFANA_URL" in chaoslab("dashboard", "push", tmp_path).stderr
    monkeypatch.setenv("GRAFANA_URL", "http://127.0.0.1:9")
    ended = chaoslab("dashboard", "push", tmp_path)
    assert ended.exit_code == PublishError.exit_code
    assert "expected the folder of a run" in ended.stderr


def test_render_prints_the_dashboard_of_a_run_a_manifest_and_the_fleet(tmp_path: Path) -> None:
    run, result = finished(tmp_path)
    drawn = json.loads(chaoslab("dashboard", "render", run.folder).stdout)
    assert drawn["time"]["from"] < result.started_at
    hello = Path(__file__).parents[3] / "experiments" / "hello.yaml"
    assert json.loads(chaoslab("dashboard", "render", hello).stdout)["uid"] == "chaoslab-hello"
    assert json.loads(chaoslab("dashboard", "render", "--fleet").stdout)["uid"] == "chaoslab-fleet"
    assert chaoslab("dashboard", "render").exit_code == 2


def test_lint_judges_json_templates_and_manifests(tmp_path: Path) -> None:
    assert chaoslab("dashboard", "lint").stdout == "3 file(s), no problem\n"
    good = tmp_path / "good.json"
    good.write_text(chaoslab("dashboard", "render", "--fleet").stdout)
    bad, broken, template = tmp_path / "bad.json", tmp_path / "broken.json", tmp_path / "mine.json.j2"
    bad.write_text(json.dumps(json.loads(good.read_text()) | {"uid": "x" * 41}))
    broken.write_text('{\n "a": }')
    template.write_text("{\n\n{{ missing|tojson }}}")
    ended = chaoslab("dashboard", "lint", good, bad, broken, template)
    assert ended.exit_code == 2
    assert f"{bad}: uid: expected 1 to 40" in ended.stderr
    assert f"{broken}:2:7: " in ended.stderr
    assert f"{template}:3: " in ended.stderr
    assert str(good) not in ended.stderr


def test_a_browser_shows_the_frame_and_nothing_else_of_the_network(
    tmp_path: Path, configured: Grafana, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    monkeypatch.setenv("GRAFANA_EMBED", "true")
    run, result = finished(tmp_path)
    visualize(run, result, within_s=30)

    def look(page: Page, seen: Seen) -> tuple[list[str], list[str]]:
        page.locator("iframe.grafana").scroll_into_view_if_needed()
        page.frame_locator("iframe.grafana").get_by_text("dashboard", exact=True).wait_for()
        return [url for url in seen.requests if not url.startswith("file:")], seen.console

    asked, console = browser.visit(run.report.as_uri(), look)
    assert asked
    assert all(url.startswith(configured.url) for url in asked)
    assert [line for line in console if "Content Security" in line] == []
