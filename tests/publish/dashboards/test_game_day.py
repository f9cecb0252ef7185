"""The dashboard of a game day: without a problem, over the day's time, of its runs and no others."""

import pytest

from chaos.game_days.learnt import DayReport
from chaos.publish import dashboards
from chaos.publish.dashboards import promql
from chaos.publish.dashboards.lint import problems
from chaos.text.inert import inert
from tests.game_days.a_day import START, moment, report, run_id
from tests.publish.dashboards.known import HOSTILE, INJECTIONS, METRICS


def titles(day: DayReport, *, has_load: bool = True) -> set[str]:
    return {str(panel["title"]) for panel in dashboards.game_day(day, "", has_load=has_load)["panels"]}


def test_has_no_problem_with_everything_and_with_nothing() -> None:
    bare = report(stages=(), purpose="")
    for drawn in (
        dashboards.game_day(report(), "Words.", has_load=True),
        dashboards.game_day(bare, "", has_load=False),
    ):
        assert problems(drawn, METRICS) == []


def test_shows_the_day_and_a_little_around_it() -> None:
    time = dashboards.game_day(report(), "", has_load=True)["time"]
    assert (
        time["from"]
        < START.strftime("%Y-%m-%dT%H:%M:%S")
        < moment(531).strftime("%Y-%m-%dT%H:%M:%S")
        < time["to"]
    )


def test_asks_for_the_runs_of_the_day_and_no_others() -> None:
    drawn = dashboards.game_day(report(), "", has_load=True)
    expected = promql.quoted(
        "|".join(run_id(name) for name in ("network", "memory", "disk", "disk-again", "kill", "dns"))
    )
    for panel in drawn["panels"]:
        for target in panel.get("targets", ()):
            assert {text for label, text in promql.matchers(target["expr"]) if label == "run"} == {expected}


def test_has_no_panel_that_stays_empty() -> None:
    assert {"p95 latency", "Recovery time", "Steady states"} <= titles(report())
    assert not {"p95 latency", "Error rate"} & titles(report(), has_load=False)
    assert not {"Recovery time", "Steady states"} & titles(report(stages=()))


def test_no_experiment_has_its_address() -> None:
    uids = {
        dashboards.game_day(report(name=name), "", has_load=True)["uid"] for name in ("payments", "a" * 63)
    }
    assert len(uids) == 2
    assert not uids & {dashboards.uid(name) for name in ("payments", "a" * 63, "day-payments")}


@pytest.mark.parametrize("words", [HOSTILE, *INJECTIONS])
def test_hostile_words_stay_words(words: str) -> None:
    drawn = dashboards.game_day(report(purpose=words, run_id=words), words, has_load=True)
    assert drawn["description"] == inert(words)
    assert drawn["panels"][0]["options"]["content"] == inert(words)
    assert problems(drawn, METRICS) == []
