"""The dashboard of a run: without a problem, the same every time, and safe with hostile words in it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.errors import PublishError
from chaos.publish import dashboards
from chaos.publish.dashboards import promql
from chaos.publish.dashboards.lint import problems
from chaos.run_spec.model import RunSpec
from chaos.text.inert import inert
from tests.publish.dashboards.known import EXPERIMENT, HOSTILE, INJECTIONS, METRICS
from tests.report.a_run import PLAN, events


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return dashboards.render(EXPERIMENT, judge(events()), RunSpec.of_journal(PLAN))


def test_has_no_problem(dashboard: dict[str, Any]) -> None:
    assert problems(dashboard, METRICS) == []


def test_follows_a_run_that_has_no_result_yet() -> None:
    live = dashboards.render(EXPERIMENT, None, RunSpec.of_journal(PLAN))
    assert problems(live, METRICS) == []
    assert (live["refresh"], live["time"]["to"]) == ("5s", "now")


def test_shows_what_every_run_has(dashboard: dict[str, Any]) -> None:
    titles = {panel["title"] for panel in dashboard["panels"]}
    assert {"CPU", "Memory", "Error rate", "Response latency", "Throughput", "Fault"} <= titles
    annotations = {annotation["name"]: annotation for annotation in dashboard["annotations"]["list"]}
    assert "chaoslab_fault_active" in annotations["Fault"]["expr"]


def test_draws_tolerances_and_stop_conditions_as_thresholds(dashboard: dict[str, Any]) -> None:
    panels = {panel["title"]: panel["fieldConfig"]["defaults"] for panel in dashboard["panels"]}
    assert [step["value"] for step in panels["Response latency"]["thresholds"]["steps"]] == [None, 1.0]
    assert [step["value"] for step in panels["Error rate"]["thresholds"]["steps"]] == [None, 0.5]
    assert panels["Throughput"]["custom"]["thresholdsStyle"] == {"mode": "off"}


def test_shows_the_run_and_a_little_around_it(dashboard: dict[str, Any]) -> None:
    result = judge(events())
    assert dashboard["time"]["from"] < result.started_at < result.ended_at < dashboard["time"]["to"]


def test_is_the_same_every_time(dashboard: dict[str, Any]) -> None:
    again = dashboards.render(EXPERIMENT, judge(events()), RunSpec.of_journal(PLAN))
    assert json.dumps(again) == json.dumps(dashboard)
    assert dashboard["uid"] == "chaoslab-shop-network-delay"


def test_no_two_experiments_share_an_address() -> None:
    names = ["a" * 60, "a" * 61, "shop net", "shop-net", "shop/net", "größe", HOSTILE, "-", ""]
    uids = [dashboards.uid(name) for name in names]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid) for uid in uids)


def test_hostile_words_stay_words() -> None:
    plan = PLAN | {"hypothesis": HOSTILE, "labels": {"team": HOSTILE}, "run_id": HOSTILE}
    rendered = dashboards.render(EXPERIMENT, judge(events()), RunSpec.of_journal(plan))
    assert rendered["description"] == inert(HOSTILE)
    assert rendered["tags"] == ["chaoslab", f"team:{inert(HOSTILE)}"]
    assert problems(rendered, METRICS) == []


@pytest.mark.parametrize("name", INJECTIONS)
def test_a_hostile_experiment_name_cannot_leave_its_selector(name: str) -> None:
    rendered = dashboards.render(EXPERIMENT, None, RunSpec.of_journal(PLAN | {"experiment": name}))
    assert problems(rendered, METRICS) == []
    for panel in rendered["panels"]:
        for target in panel["targets"]:
            selected = [text for label, text in promql.matchers(target["expr"]) if label == "experiment"]
            assert set(selected) == {promql.quoted(name)}


def test_an_experiment_without_load_or_processes_has_no_panel_that_stays_empty() -> None:
    bare = dashboards.render(
        EXPERIMENT, None, RunSpec.of_journal(PLAN | {"load": None, "processes": [], "steady_state": []})
    )
    titles = {panel["title"] for panel in bare["panels"]}
    assert {"CPU", "Memory", "Fault"} <= titles
    assert not titles & {"Response latency", "Error rate", "Throughput", "CPU by process", "Probe duration"}
    assert problems(bare, METRICS) == []


def test_the_fleet_has_no_problem_and_an_address_of_its_own() -> None:
    fleet = dashboards.fleet()
    assert problems(fleet, METRICS) == []
    assert fleet["uid"] == "chaoslab-fleet" != dashboards.uid("fleet")
    assert len(dashboards.uid("fleet")) <= 40


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"title": {{ missing|tojson }}}', "not a dashboard's JSON|Undefined|undefined|JSON"),
        ('{"title": {{ 1 +', "unexpected"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": NaN}', "NaN"),
        ('["a"]', "list"),
        ('{"a": {{ "".__class__.__mro__|tojson }}}', ""),
    ],
)
def test_a_wrong_template_is_refused_with_its_path(tmp_path: Path, text: str, why: str) -> None:
    template = tmp_path / "mine.json.j2"
    template.write_text(text)
    with pytest.raises(PublishError, match=r"mine\.json\.j2") as refused:
        dashboards.render(template, None, RunSpec.of_journal(PLAN))
    assert re.search(why, str(refused.value))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{\n "title":\n {{ missing|tojson }}}', 3),
        ('{\n "title": {{ 1 + }}}', 2),
        ('{\n\n "a": {{ limits.nothing.more|tojson }}}', 3),
    ],
)
def test_a_mistake_in_a_template_has_its_line(tmp_path: Path, text: str, line: int) -> None:
    template = tmp_path / "mine.json.j2"
    template.write_text(text)
    with pytest.raises(PublishError, match=rf"mine\.json\.j2:{line}: "):
        dashboards.render(template, None, RunSpec.of_journal(PLAN))


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        '{{ "x" * 10000000000 }}',
        "{{ 9 ** 999999999 }}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        '{{ "".__class__.__mro__[1].__subclasses__() }}',
        '{% include "../secret" %}',
        '{% include "/etc/passwd" %}',
        '{% include "linked" %}',
    ],
)
def test_a_template_stays_in_its_sandbox(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret").write_text('{"title": "a secret"}')
    (tmp_path / "team").mkdir()
    template = tmp_path / "team" / "mine.json.j2"
    template.write_text(text)
    (template.parent / "linked").symlink_to(tmp_path / "secret")
    with pytest.raises(PublishError, match=r"mine\.json\.j2"):
        dashboards.render(template, None, RunSpec.of_journal(PLAN))


def test_a_team_s_template_has_our_macros(tmp_path: Path) -> None:
    template = tmp_path / "mine.json.j2"
    template.write_text(
        '{%- import "_panels.j2" as p -%}{ {{ p.head(uid, experiment, "", labels, live, time_from, time_to) }} }'
    )
    assert dashboards.render(template, None, RunSpec.of_journal(PLAN))["title"] == PLAN["experiment"]
