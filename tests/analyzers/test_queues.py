"""Advice about queues and pools: capacity beside what was offered, and none without its evidence."""

from collections.abc import Callable
from typing import Any

import pytest

from chaos.analyzers.evidence import symptoms
from chaos.analyzers.rules import analyze
from chaos.events import Event
from chaos.measure import judge
from tests.journals.telling import END, HEALTHY, INJECTED, RECOVERED, Telling

AWAY = {
    "name": "db away",
    "fault": {"type": "dependency_failure", "process": "db", "mode": "refuse"},
    "hold_s": 4.0,
}
FULL = {"name": "full disk", "fault": {"type": "disk_full", "path": "/tmp"}, "hold_s": 4.0}
RATE = 30
TIMEOUT_S = 2.0

Answer = Callable[[float], tuple[float, int | None, str | None]]
"""At that moment: what it took, the status, the error."""


class Served(Telling):
    """A run with a load of 30/s whose requests are answered as told."""

    def __init__(self, answer: Answer, **more: Any) -> None:
        super().__init__(states=[HEALTHY], slow={}, **more)
        self.answer = answer

    def plan(self) -> dict[str, Any]:
        said = super().plan()
        return {**said, "load": {**said["load"], "rate_per_s": RATE}}

    def _load(self) -> None:
        for number in range(round(END * RATE)):
            at = number / RATE
            took_s, status, error = self.answer(at)
            said = {"late_ms": 0.1, "took_ms": took_s * 1000, "status": status, "error": error, "bytes": 0}
            self.tell(at, "load.sampled", took_s, **said)


def pool(size: int, held_s: float, timeout_s: float = TIMEOUT_S) -> Answer:
    """What serves so many at once, first come, first served; each is held so long while the fault lasts."""
    free = [0.0] * size

    def answer(at: float) -> tuple[float, int | None, str | None]:
        mine = min(range(size), key=free.__getitem__)
        begin = max(at, free[mine])
        held = held_s if INJECTED <= begin < RECOVERED else 0.004
        if begin + held - at > timeout_s:
            return (
                timeout_s,
                None if timeout_s == TIMEOUT_S else 500,
                "timeout" if timeout_s == TIMEOUT_S else None,
            )
        free[mine] = begin + held
        return begin + held - at, 200, None

    return answer


def seen(events: list[Event]) -> dict[str, str]:
    return {symptom.name: symptom.evidence for symptom in symptoms(judge(events), events)}


@pytest.mark.parametrize(("size", "held_s"), [(4, 0.3), (2, 0.2), (8, 0.4), (1, 0.12)])
@pytest.mark.parametrize("timeout_s", [2.0, 1.0])
def test_a_queue_is_told_by_its_capacity_and_by_what_was_offered(
    size: int, held_s: float, timeout_s: float
) -> None:
    events = Served(pool(size, held_s, timeout_s)).events()
    found = seen(events)
    assert f"a queue before some {size} served at once" in found["queue"]
    assert "delay_multiplied" not in found
    advice = analyze(judge(events), events).recommendations
    assert any(
        "Capacity is the number of workers or pooled connections over the time each is held" in a
        for a in advice
    )
    assert not any("in parallel" in each for each in advice)


@pytest.mark.parametrize(
    "answer",
    [
        pool(12, 0.3),  # which is enough: 9 are needed
        lambda at: (0.3 if INJECTED <= at < RECOVERED else 0.004, 200, None),
        lambda at: (
            (2.0, None, "timeout") if at * RATE % 2 < 1 and INJECTED <= at < RECOVERED else (0.004, 200, None)
        ),
        lambda at: (0.004, 503, None) if INJECTED <= at < RECOVERED else (0.004, 200, None),
    ],
    ids=["enough", "uniform", "one backend of two hangs", "errors"],
)
def test_what_is_no_queue_is_not_called_one(answer: Answer) -> None:
    assert "queue" not in seen(Served(answer).events())


def test_a_delay_that_even_the_fastest_pay_twice_is_paid_by_each() -> None:
    answer = lambda at: (0.605 if INJECTED <= at < RECOVERED else 0.004, 200, None)  # noqa: E731
    found = seen(Served(answer).events())
    assert "2.0 times the delay of one round trip" in found["delay_multiplied"]


@pytest.mark.parametrize(
    "line",
    [
        "psycopg_pool.PoolTimeout: couldn't get a connection after 1.00 sec",
        "sqlalchemy.exc.TimeoutError: QueuePool limit of size 3 overflow 2 reached, connection timed out, timeout 1.00",
        "HikariPool-1 - Connection is not available, request timed out after 1000ms.",
        "Knex: Timeout acquiring a connection. The pool is probably full.",
        "FATAL:  sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved for non-replication superuser connections",
    ],
)
def test_a_pool_that_had_nothing_to_give_is_named(line: str) -> None:
    events = Served(lambda at: (0.004, 200, None), log=[(3.0, line)], step=AWAY).events()
    assert "found no connection in its pool in time" in seen(events)["pool_timeout"]
    before = Served(lambda at: (0.004, 200, None), log=[(1.0, line)], step=AWAY).events()
    assert "pool_timeout" not in seen(before)


def failing(took_s: float, status: int | None = 502) -> list[Event]:
    return Served(
        lambda at: (took_s, status, None) if 2.5 < at < 6 else (0.004, 200, None), step=AWAY
    ).events()


def test_a_peer_that_refuses_and_one_that_is_silent_call_for_different_things() -> None:
    quick, late = seen(failing(0.003)), seen(failing(0.9))
    assert "it learnt at once" in quick["failed_at_once"]
    assert "it waited first" in late["failed_late"]
    refused, silent = (" ".join(analyze(judge(e), e).recommendations) for e in (failing(0.003), failing(0.9)))
    assert "A shorter timeout changes nothing" in refused
    assert "short timeouts of their own" in silent


def test_writes_that_fail_while_the_api_stays_green_are_named() -> None:
    lines = [(3.0 + n / 10, "write failed: [Errno 28] No space left on device") for n in range(10)]
    events = Served(lambda at: (0.004, 200, None), step=FULL, log=lines).events()
    assert "10 lines of writes that failed" in seen(events)["writes_lost"]
    refused = Served(
        lambda at: (0.004, 503, None) if 3 < at < 6 else (0.004, 200, None), step=FULL, log=lines
    )
    assert "writes_lost" not in seen(refused.events())
