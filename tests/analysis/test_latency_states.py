"""A steady state of latency beside failures: what is refused is not slow, and an outage is no good latency."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.analysis.result import Result
from chaos.events import Event
from chaos.verdict import Verdict
from tests.journals.telling import FAST, LOAD_EVERY, START, Telling

WITH_FAILURES = FAST | {"probe": FAST["probe"] | {"metric": "latency_p95_with_failures"}}
LATER = FAST | {"holds": "afterwards", "recover_within_s": 2.0}


@dataclass
class Failing(Telling):
    """Of the requests under the fault, those that `fails` says are answered as `how` says."""

    states: list[dict[str, Any]] = field(default_factory=lambda: [FAST])
    fails: Callable[[int], bool] = lambda number: number % 2 == 0
    how: tuple[int | None, str | None, float] = (503, None, 0.001)

    def events(self) -> list[Event]:
        return [self._failed(event) if event.type == "load.sampled" else event for event in super().events()]

    def _failed(self, event: Event) -> Event:
        at, (status, error, took_s) = event.at - START, self.how
        if not (2.1 <= at < 6.1 and self.fails(round(at / LOAD_EVERY))):
            return event
        said = {**event.data, "status": status, "error": error, "took_ms": took_s * 1000}
        return Event(event.type, event.at, said, event.source, event.seq)


def state_of(told: Telling, rules: int = 3) -> Any:
    return judge(told.events(), rules).steady_state[0]


@pytest.mark.parametrize("how", [(503, None, 0.001), (None, "refused", 0.001), (None, "reset", 0.02)])
def test_errors_at_once_beside_good_answers_do_not_make_latency_bad(how: Any) -> None:
    state = state_of(Failing(how=how, fails=lambda number: number % 4 == 0))
    assert state.verdict is Verdict.HELD, state.why
    assert "10 others failed, which is in the error rate" in state.why
    few = state_of(Failing(how=how))
    assert few.verdict is Verdict.INCONCLUSIVE
    assert "20 others failed, which is in the error rate" in few.why


def test_the_form_with_failures_counts_each_as_the_timeout() -> None:
    assert state_of(Failing(states=[WITH_FAILURES])).verdict is Verdict.DEVIATED
    assert state_of(Failing(), rules=2).verdict is Verdict.DEVIATED


@pytest.mark.parametrize("how", [(None, "timeout", 2.0), (504, None, 1.5)])
def test_what_was_waited_for_is_slow(how: Any) -> None:
    state = state_of(Failing(how=how))
    assert state.verdict is Verdict.DEVIATED
    assert "20 of 4" in state.why


def test_nothing_but_failures_is_no_good_latency_and_the_reason_says_so() -> None:
    state = state_of(Failing(fails=lambda _: True))
    assert state.verdict is Verdict.DEVIATED
    assert "40 of 41 requests (98 %) out of tolerance" in state.why
    assert "40 of them failures, 1.0 s or longer without one good answer: no good latency" in state.why


def test_a_run_says_which_requests_its_latencies_are_of() -> None:
    load = judge(Failing().events()).load["fault"]
    assert (load.p95, load.p95_with_failures, load.timeouts) == (0.33, 2.0, 0)
    none: Result = judge(Failing(fails=lambda _: True).events())
    assert none.load["fault"].p95 is None


def test_two_bad_seconds_are_no_recovery() -> None:
    told = Failing(states=[LATER], failing=[(6.1, 9.0)])
    assert state_of(told).verdict is not Verdict.HELD
