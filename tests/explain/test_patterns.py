"""Habits of an app that show over time: each is found with its times, and a run without it stays silent."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.events import Event
from chaos.explain.evidence import symptoms
from chaos.explain.knowledge import advice
from chaos.explain.rules import analyze
from tests.journals import build
from tests.journals.telling import HOLD, INJECTED, RECOVERED, Telling

AWAY = {
    "name": "inventory away",
    "fault": {"type": "dependency_failure", "process": "inventory", "mode": "refuse"},
    "hold_s": HOLD,
}


def seen(events: Sequence[Event]) -> dict[str, str]:
    return {symptom.name: symptom.evidence for symptom in symptoms(judge(events), events)}


def away(**told: Any) -> list[Event]:
    """The dependency is away: each request fails, as the load saw it."""
    return Telling(step=AWAY, failing=[(INJECTED, RECOVERED)], slow={}, **told).events()


def spread(lines: Sequence[str], every_s: float, start: float = 3.0) -> list[tuple[float, str]]:
    return [(start + index * every_s, line) for index, line in enumerate(lines)]


def test_many_lines_about_retries_a_request_are_a_storm() -> None:
    storm = spread(["WARN retrying inventory"] * 200, 0.01)
    found = seen(away(log=storm))["retry_storm"]
    assert found.startswith("200 lines about retries for ")
    assert found.endswith("during “inventory away” (18:03:12–18:03:16Z), first at 18:03:13Z")
    assert "retry_storm" not in seen(away(log=storm[:30]))


def test_attempts_without_a_pause_are_no_backoff_and_spaced_ones_are_not() -> None:
    attempts = [f"attempt {number} failed: refused" for number in (1, 2, 3)] * 3
    assert "attempts followed each other after 10 ms" in seen(away(log=spread(attempts, 0.01)))["no_backoff"]
    assert "no_backoff" not in seen(away(log=spread(attempts, 0.3)))
    assert "no_backoff" not in seen(away(log=spread(["attempt 1 failed: refused"] * 9, 0.01)))


def test_everything_failing_with_a_dependency_is_no_fallback() -> None:
    found = seen(away())
    assert "requests failed with the dependency during “inventory away”" in found["no_fallback"]
    assert "no_fallback" not in seen(Telling(step=AWAY, failing=[(3.0, 4.0)], slow={}).events())
    assert "no_fallback" not in seen(Telling(failing=[(INJECTED, RECOVERED)]).events()), (
        "the network's own doing"
    )


def test_failures_that_stay_slow_want_a_circuit_breaker() -> None:
    slow = Telling(step=AWAY, slow={(INJECTED, RECOVERED): 2.0}).events()
    assert "still waited 2.0 s before they failed" in seen(slow)["no_circuit_breaker"]
    assert "no_circuit_breaker" not in seen(away()), "these fail at once"


TRACE = ["Traceback (most recent call last):", "ConnectionRefusedError: [Errno 111] Connection refused"]


def test_stack_traces_are_unhandled_and_one_is_not_many() -> None:
    found = seen(away(log=spread(TRACE * 4, 0.1)))["unhandled"]
    assert found.startswith("“web” wrote 4 stack traces during “inventory away”")
    assert "most often “ConnectionRefusedError: [Errno …] Connection refused”" in found
    assert "unhandled" not in seen(away(log=spread(TRACE, 0.1)))


def test_a_full_disk_that_becomes_a_stack_trace_is_told_as_such() -> None:
    full = [TRACE[0], "OSError: [Errno 28] No space left on device"]
    assert (
        "met a disk that takes no more (1 lines)" in seen(away(log=spread(full, 0.1)))["unhandled_disk_full"]
    )
    assert "unhandled_disk_full" not in seen(away(log=[(3.0, "cannot write: No space left on device")]))


def holding(rss: Sequence[float]) -> list[Event]:
    """The same run, `web` holding these shares of the limit, spread over its usage samples."""
    events = build.held()
    samples = [event for event in events if event.type == "usage.sampled"]
    limit = 512 * 2**20
    by_seq = {}
    for index, event in enumerate(samples):
        share = rss[min(len(rss) - 1, index * len(rss) // len(samples))]
        data = dict(event.data) | {
            "memory_bytes": limit // 2,
            "memory_percent": 50.0,
            "processes": {"web": {"rss_bytes": int(limit * share), "cpu_percent": 1.0, "pids": 1}},
        }
        by_seq[event.seq] = dataclasses.replace(event, data=data)
    return [by_seq.get(event.seq, event) for event in events]


def test_memory_that_only_rises_is_a_leak() -> None:
    rising = [0.1 + 0.002 * step for step in range(100)]
    found = seen(holding(rising))["leak"]
    assert found.startswith("the memory of “web” rose by 20 % of the limit in ")
    assert found.endswith("from before the fault until after it")


@pytest.mark.parametrize(
    "rss",
    [
        [0.3] * 100,
        [0.1] * 40 + [0.4] * 60,  # a step, as of a cache that was filled
        [0.1 + 0.005 * step for step in range(50)] + [0.1] * 50,  # released
        [0.1 + 0.0003 * step for step in range(100)],  # too little to tell
    ],
)
def test_memory_that_is_held_or_released_is_none(rss: list[float]) -> None:
    assert "leak" not in seen(holding(rss))


def test_every_symptom_of_this_kind_has_advice_and_is_cited() -> None:
    names = "retry_storm no_backoff no_fallback no_circuit_breaker unhandled unhandled_disk_full restart_loop leak"
    assert [name for name in names.split() if not advice("any", name)] == []
    events = away(log=spread(TRACE * 4, 0.1))
    cited = analyze(judge(events), events).recommendations
    assert any(
        each.startswith("“Web” wrote 4 stack traces") or "wrote 4 stack traces" in each for each in cited
    )


def test_a_good_run_shows_none_of_them() -> None:
    for story in ("held", "held_throughout", "held_within_budget", "held_killed_and_back"):
        assert not set(seen(getattr(build, story)())) & {"leak", "unhandled", "no_fallback", "retry_storm"}
