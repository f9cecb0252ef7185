"""The lint of dashboards sees what it is there to see."""

import copy
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.publish import dashboards
from chaos.publish.dashboards.lint import problems
from chaos.run_spec.model import RunSpec
from tests.publish.dashboards.known import EXPERIMENT, METRICS
from tests.report.a_run import PLAN, events


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return dashboards.render(EXPERIMENT, judge(events()), RunSpec.of_journal(PLAN))


@pytest.mark.parametrize(
    ("break_it", "problem"),
    [
        (
            lambda d: d["panels"][8]["targets"][0].update(expr="sum(chaoslab_cpu_usage_ratio{}"),
            "target-promql-rule",
        ),
        (lambda d: d["panels"][8]["targets"][0].update(expr='chaoslab_cpu{a="b"}'), "unknown metrics"),
        (
            lambda d: d["panels"][8]["targets"][0].update(expr='chaoslab_cpu_usage_ratio{a="$nope"}'),
            "undefined variable",
        ),
        (lambda d: d["panels"][1]["gridPos"].update(x=3), "overlap"),
        (lambda d: d["panels"][1].update(id=1), "not unique"),
        (lambda d: d["panels"][1].pop("description"), "panel-title-description-rule"),
        (lambda d: d["panels"][1]["datasource"].update(uid="mine"), "panel-datasource-rule"),
        (lambda d: d.update(uid="x" * 41), "uid"),
        (lambda d: d.update(editable=True), "uneditable"),
        (lambda d: d.update(schemaVersion=99), "schemaVersion"),
        (lambda d: d.update(panels="none"), "expected a list"),
        (lambda d: d["panels"][1]["gridPos"].update(x="1"), "whole numbers"),
        (lambda d: d["panels"][1].update(type="timeserie"), "unknown panel type"),
        (lambda d: d["templating"]["list"][1].update(refresh=1), "template-on-time-change-reload-rule"),
        (lambda d: d["templating"]["list"].pop(0), "template-datasource-rule"),
        (
            lambda d: d["panels"][8]["targets"][0].update(
                expr='rate(chaoslab_process_restarts_total{a="b"}[5m])'
            ),
            "target-rate-interval-rule",
        ),
        (
            lambda d: d["panels"][8]["targets"][0].update(expr='chaoslab_process_restarts_total{a="b"}'),
            "target-counter-agg-rule",
        ),
        (
            lambda d: d["panels"][8]["targets"][0].update(expr='chaoslab_cpu_usage_ratio{a="b}'),
            "target-promql-rule",
        ),
    ],
)
def test_the_lint_sees(dashboard: dict[str, Any], break_it: Any, problem: str) -> None:
    broken = copy.deepcopy(dashboard)
    break_it(broken)
    assert any(problem in line for line in problems(broken, METRICS))
