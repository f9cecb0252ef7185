"""The dashboard of a run: valid by Grafana's linter's rules, the same every time, and safe with hostile words in it."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from chaos import dashboards
from chaos.errors import PublishError
from chaos.measure import judge
from tests.dashboard_lint import problems
from tests.report.a_run import PLAN, events

TEMPLATE = Path(__file__).parent.parent / "dashboards" / "experiment.json.j2"
HOSTILE = '</script> {{ 7*7 }} "quoted" \\ back\nslash \u202e ${run} 100 %s'


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return dashboards.render(TEMPLATE, judge(events()), PLAN)


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    """The metrics that the template's header documents."""
    return set(re.findall(r"^  (chaoslab_\w+)", TEMPLATE.read_text(), re.MULTILINE))


def test_has_no_problem(dashboard: dict[str, Any], metrics: set[str]) -> None:
    assert problems(dashboard, metrics) == []


def test_follows_a_run_that_has_no_result_yet(metrics: set[str]) -> None:
    live = dashboards.render(TEMPLATE, None, PLAN)
    assert problems(live, metrics) == []
    assert (live["refresh"], live["time"]["to"]) == ("5s", "now")


@pytest.mark.parametrize(
    ("break_it", "problem"),
    [
        (
            lambda d: d["panels"][6]["targets"][0].update(expr="sum(chaoslab_cpu_usage_ratio{}"),
            "target-promql-rule",
        ),
        (lambda d: d["panels"][6]["targets"][0].update(expr='chaoslab_cpu{a="b"}'), "unknown metrics"),
        (
            lambda d: d["panels"][6]["targets"][0].update(expr='chaoslab_cpu_usage_ratio{a="$nope"}'),
            "undefined variable",
        ),
        (lambda d: d["panels"][1]["gridPos"].update(x=3), "overlap"),
        (lambda d: d["panels"][1].update(id=1), "not unique"),
        (lambda d: d["panels"][1].pop("description"), "panel-title-description-rule"),
        (lambda d: d["panels"][1]["datasource"].update(uid="mine"), "panel-datasource-rule"),
        (lambda d: d.update(uid="x" * 41), "uid"),
        (lambda d: d.update(editable=True), "uneditable"),
    ],
)
def test_the_lint_sees(dashboard: dict[str, Any], metrics: set[str], break_it: Any, problem: str) -> None:
    broken = copy.deepcopy(dashboard)
    break_it(broken)
    assert any(problem in line for line in problems(broken, metrics))


def test_shows_what_every_run_has(dashboard: dict[str, Any]) -> None:
    titles = {panel["title"] for panel in dashboard["panels"]}
    assert {"CPU", "Memory", "Error rate", "Response latency", "Throughput", "Fault window"} <= titles
    annotations = {annotation["name"]: annotation for annotation in dashboard["annotations"]["list"]}
    assert "chaoslab_fault_active" in annotations["Fault window"]["expr"]


def test_draws_tolerances_and_stop_conditions_as_thresholds(dashboard: dict[str, Any]) -> None:
    panels = {panel["title"]: panel["fieldConfig"]["defaults"] for panel in dashboard["panels"]}
    assert [step["value"] for step in panels["Response latency"]["thresholds"]["steps"]] == [None, 1.0]
    assert [step["value"] for step in panels["Error rate"]["thresholds"]["steps"]] == [None, 0.5]
    assert panels["Throughput"]["custom"]["thresholdsStyle"] == {"mode": "off"}


def test_shows_the_run_and_a_little_around_it(dashboard: dict[str, Any]) -> None:
    result = judge(events())
    assert dashboard["time"]["from"] < result.started_at < result.ended_at < dashboard["time"]["to"]


def test_is_the_same_every_time(dashboard: dict[str, Any]) -> None:
    again = dashboards.render(TEMPLATE, judge(events()), PLAN)
    assert json.dumps(again) == json.dumps(dashboard)
    assert dashboard["uid"] == "chaoslab-shop-network-delay"


def test_no_two_experiments_share_an_address() -> None:
    names = ["a" * 60, "a" * 61, "shop net", "shop-net", "shop/net", "größe", HOSTILE, "-", ""]
    uids = [dashboards.uid(name) for name in names]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid) for uid in uids)


def test_hostile_words_stay_words(metrics: set[str]) -> None:
    plan = PLAN | {"hypothesis": HOSTILE, "labels": {"team": HOSTILE}, "run_id": HOSTILE}
    rendered = dashboards.render(TEMPLATE, judge(events()), plan)
    assert rendered["description"] == HOSTILE
    assert rendered["tags"] == ["chaoslab", f"team:{HOSTILE}"]
    assert problems(rendered, metrics) == []


def test_a_hostile_experiment_name_cannot_leave_its_query() -> None:
    plan = PLAN | {"experiment": 'x"} or up{a="'}
    rendered = dashboards.render(TEMPLATE, None, plan)
    query = rendered["panels"][6]["targets"][0]["expr"]
    assert 'experiment="x\\"} or up{a=\\""' in query


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
        dashboards.render(template, None, PLAN)
    assert re.search(why, str(refused.value))
