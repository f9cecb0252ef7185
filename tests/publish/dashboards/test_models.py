"""Our dashboards are what Grafana's own typed models take, key by key; and the check sees what is not."""

import copy
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.publish import dashboards
from chaos.run_spec.model import RunSpec
from tests.game_days.a_day import report
from tests.publish.dashboards.known import EXPERIMENT
from tests.publish.dashboards.models import problems
from tests.report.a_run import PLAN, events


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return dashboards.render(EXPERIMENT, judge(events()), RunSpec.of_journal(PLAN))


def test_the_experiment_s(dashboard: dict[str, Any]) -> None:
    assert problems(dashboard) == []
    assert problems(dashboards.render(EXPERIMENT, None, RunSpec.of_journal(PLAN))) == []


def test_the_fleet_s() -> None:
    assert problems(dashboards.fleet()) == []


def test_the_game_day_s() -> None:
    assert problems(dashboards.game_day(report(), "Words.", has_load=True)) == []


@pytest.mark.parametrize(
    ("break_it", "where"),
    [
        (lambda d: d["panels"][8]["fieldConfig"]["defaults"]["custom"].update(lineWidht=1), "lineWidht"),
        (lambda d: d["panels"][8]["fieldConfig"]["defaults"]["custom"].update(lineWidth="1"), "line_width"),
        (
            lambda d: d["panels"][8]["fieldConfig"]["defaults"]["custom"].update(drawStyle="lines"),
            "draw_style",
        ),
        (lambda d: d["panels"][8]["options"].update(legnd={}), "legnd"),
        (lambda d: d["panels"][8]["targets"][0].update(exprr="x"), "exprr"),
        (lambda d: d["panels"][8]["gridPos"].update(w="12"), "w"),
        (lambda d: d.update(refresh=5), "refresh"),
    ],
)
def test_the_check_sees(dashboard: dict[str, Any], break_it: Any, where: str) -> None:
    broken = copy.deepcopy(dashboard)
    break_it(broken)
    assert any(where in problem for problem in problems(broken))
