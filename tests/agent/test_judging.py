"""Live judgement: steady baselines and stop conditions."""

from collections.abc import Sequence
from typing import Any

import pytest

from chaos.agent.judging import BaselineJudge, StopWatch
from chaos.run_spec.model import RunSpec
from chaos.run_spec.parts import StateSpec, StopSpec

HEALTHY = {
    "name": "healthy",
    "probe": {"type": "http", "url": "http://x/"},
    "tolerance": {"status": 200},
    "budget": 0.0,
}
FAST = {
    "name": "fast",
    "probe": {"type": "metric", "metric": "cpu", "every": 0.1},
    "tolerance": {"max": 1.0, "unit": "duration"},
    "budget": 0.05,
}
TOO_MANY_ERRORS = {
    "probe": {"type": "metric", "metric": "error_rate"},
    "tolerance": {"max": 0.5, "unit": "share"},
    "for_s": 3.0,
}


def states(*said: dict[str, Any]) -> Sequence[StateSpec]:
    return RunSpec.of_journal({"steady_state": said}).steady_state


def stops(*said: dict[str, Any]) -> Sequence[StopSpec]:
    return RunSpec.of_journal({"stop_when": said}).stop_when


def feed(judge: Any, name: str, count: int, value: dict[str, Any] | None, error: str | None = None) -> None:
    for at in range(count):
        judge.sample(name, float(at), value, error, 0.01)


def test_steady_when_every_state_is_good() -> None:
    judge = BaselineJudge(states(HEALTHY, FAST))
    feed(judge, "healthy", 10, {"status": 200})
    feed(judge, "fast", 3, {"value": 0.2})
    feed(judge, "stop:0", 10, {"value": 9.0})
    assert judge.verdict() == (
        True,
        "healthy: all 10 samples good (status 200); fast: all 3 samples good (at most 1s)",
    )


def test_one_bad_sample_is_too_many_without_a_budget() -> None:
    judge = BaselineJudge(states(HEALTHY))
    feed(judge, "healthy", 99, {"status": 200})
    judge.sample("healthy", 99.0, None, "refused", 0.001)
    steady, why = judge.verdict()
    assert not steady
    assert why == "healthy: 1 of 100 samples were not status 200 (the last: refused), 0 of them may be"


@pytest.mark.parametrize(("bad", "steady"), [(5, True), (9, True), (10, False)])
def test_a_baseline_is_refused_when_chance_does_not_explain_what_is_beyond_the_budget(
    bad: int, steady: bool
) -> None:
    """Of 100 samples of which 5 % may be bad, 9 or more are by chance in 6.3 % of all cases, 10 or more in 2.8 %."""
    judge = BaselineJudge(states(FAST))
    for at in range(100):
        out = at % 7 == 0 and at // 7 < bad
        judge.sample("fast", float(at), {"value": 1.5 if out else 0.5}, None, 0.01)
    assert judge.verdict()[0] is steady


def test_states_share_what_may_go_wrong() -> None:
    judge = BaselineJudge(states(FAST, FAST | {"name": "fast too"}))
    for at in range(100):
        for name, bad in (("fast", 10), ("fast too", 0)):
            out = at % 7 == 0 and at // 7 < bad
            judge.sample(name, float(at), {"value": 1.5 if out else 0.5}, None, 0.01)
    assert judge.verdict()[0]


@pytest.mark.parametrize(("failed", "steady"), [(0, True), (2, True), (4, False)])
def test_a_metric_of_requests_counts_each_request_once(failed: int, steady: bool) -> None:
    few_errors = {
        "name": "answered",
        "probe": {"type": "metric", "metric": "error_rate", "every": 0.5},
        "tolerance": {"max": 0.01, "unit": "share"},
        "budget": 0.0,
    }
    judge = BaselineJudge(states(few_errors), rate_per_s=20.0)
    for number in range(80):
        bad = number % 20 == 10 and number // 20 < failed
        said = {"took_ms": 5.0, "status": 503 if bad else 200, "error": None}
        judge.request(number * 0.05, said)
        if number % 10 == 0:
            judge.sample("answered", number * 0.05, {"value": 0.05}, None, 0.0)
    judge.request(4.0, {"took_ms": 2000.0, "status": None, "error": "late"})
    said_steady, why = judge.verdict()
    assert said_steady is steady, why
    assert "of 80 requests" in why or why == "answered: all 80 requests good (at most 1%)"


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_samples_are_not_steady(count: int) -> None:
    judge = BaselineJudge(states(HEALTHY))
    feed(judge, "healthy", count, {"status": 200})
    assert judge.verdict() == (False, f"healthy: only {count} samples, at least 3 are needed")


def test_nothing_to_look_at_is_not_steady() -> None:
    assert BaselineJudge([]).verdict()[0] is False


def test_a_condition_trips_when_broken_without_a_break() -> None:
    watch = StopWatch(stops(TOO_MANY_ERRORS))
    whys = [watch.sample("stop:0", at * 0.5, {"value": 0.9}, None, 0.0) for at in range(7)]
    assert whys[:6] == [None] * 6
    assert whys[6] == "metric error_rate was not at most 50% for 3.0 s (the last: value 0.9 after 0 ms)"


def test_one_good_sample_starts_the_count_again() -> None:
    watch = StopWatch(stops(TOO_MANY_ERRORS))
    for at in range(60):
        value = {"value": 0.1 if at % 5 == 0 else 0.9}
        assert watch.sample("stop:0", at * 0.5, value, None, 0.0) is None


def test_a_good_look_that_comes_in_late_still_breaks_the_streak() -> None:
    watch = StopWatch(stops(TOO_MANY_ERRORS))
    for at in (0.0, 1.0, 2.5):
        assert watch.sample("stop:0", at, {"value": 0.9}, None, 0.0) is None
    assert watch.sample("stop:0", 2.0, {"value": 0.1}, None, 0.0) is None
    assert watch.sample("stop:0", 3.5, {"value": 0.9}, None, 0.0) is None
    assert watch.sample("stop:0", 5.5, {"value": 0.9}, None, 0.0) is not None


def test_bad_looks_that_come_in_late_count_from_when_they_were_meant() -> None:
    watch = StopWatch(stops(TOO_MANY_ERRORS))
    assert watch.sample("stop:0", 3.0, {"value": 0.9}, None, 0.0) is None
    assert watch.sample("stop:0", 0.0, None, "timeout", 3.5) is not None


def test_no_patience_trips_at_once_and_only_its_own_samples_count() -> None:
    watch = StopWatch(stops({"probe": {"type": "tcp", "port": 1}, "tolerance": {}, "for_s": 0.0}))
    assert watch.sample("healthy", 0.0, None, "refused", 0.0) is None
    assert watch.sample("stop:1", 0.0, None, "refused", 0.0) is None
    assert watch.sample("stop:0", 0.0, {"connected": True}, None, 0.0) is None
    assert watch.sample("stop:0", 1.0, {"connected": False}, None, 0.0) == (
        "tcp 1 was not healthy for 0.0 s (the last: connected False after 0 ms)"
    )
