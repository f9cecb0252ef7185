"""Probe and load at the same URL: alike, different by chance, or different because something else served them."""

from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import Any

import pytest

from chaos.analysis.disagreement import disagreements
from chaos.analysis.due import Due
from chaos.analysis.health import short_doubts
from chaos.analysis.latency import requests
from chaos.analysis.record import Record
from chaos.analysis.timeline import Timeline
from chaos.events import Event
from chaos.statistics.point_process import of_the_load

URL = "http://127.0.0.1:8000/"
STARTED = {"url": URL, "rate_per_s": 10.0, "arrivals": "poisson", "connections": "mix", "seed": 1}


def journal(
    looks: Sequence[bool],
    asked: Sequence[bool],
    *,
    started: dict[str, Any] = STARTED,
    probe: dict[str, Any] | None = None,
    took_ms: float = 5.0,
) -> Record:
    """A fault phase of ten seconds with these looks and requests in it, spread over it; True failed."""
    probe = {"type": "http", "url": URL, "method": "GET", "timeout": 1.0} | (probe or {})
    plan = {
        "load": {"url": URL, "rate_per_s": 10.0, "timeout_s": 2.0, "method": "GET"},
        "steady_state": [{"name": "up", "probe": probe}],
    }
    return Record(
        [
            Event("run.started", 99.0, {"plan": plan}, "host"),
            Event("load.started", 100.0, started),
            Event("phase.started", 100.0, {"phase": "fault"}),
            *(
                Event(
                    "probe.sampled",
                    100 + 10 * k / len(looks),
                    {
                        "probe": "up",
                        "took_ms": took_ms,
                        "error": None,
                        "value": {"status": 503 if bad else 200},
                    },
                )
                for k, bad in enumerate(looks)
            ),
            *(
                Event(
                    "load.sampled", 100 + 10 * k / len(asked), {"took_ms": 5.0, "status": 503 if bad else 200}
                )
                for k, bad in enumerate(asked)
            ),
            Event("phase.ended", 110.0, {"phase": "fault"}),
        ]
    )


def doubts(record: Record) -> list[str]:
    return disagreements(record, Timeline(record), requests(record))


ALTERNATING = [bool(k % 2) for k in range(100)]
NEVER = [False] * 100


def test_a_probe_that_sees_one_backend_of_two_is_doubted() -> None:
    (doubt,) = doubts(journal(NEVER, ALTERNATING))
    assert doubt.startswith(
        "probe and load disagree about the same URL in the fault phase: 0 of 100 looks of “up”"
    )
    assert "50 of 100 requests" in doubt
    assert len(doubts(journal(ALTERNATING, NEVER))) == 1
    assert len(doubts(journal([True] * 100, NEVER))) == 1


@pytest.mark.parametrize(
    ("looks", "asked"), [(NEVER, NEVER), (ALTERNATING, ALTERNATING), (NEVER, [True, *NEVER])]
)
def test_what_chance_explains_is_no_doubt(looks: list[bool], asked: list[bool]) -> None:
    assert doubts(journal(looks, asked)) == []


@pytest.mark.parametrize(
    "other", [{"url": URL + "health"}, {"method": "HEAD"}, {"headers": {"X": "y"}}, {"type": "tcp"}]
)
def test_only_the_very_same_request_is_compared(other: dict[str, Any]) -> None:
    assert doubts(journal(NEVER, ALTERNATING, probe=other)) == []


def test_journals_of_before_are_judged_as_they_were() -> None:
    assert doubts(journal(NEVER, ALTERNATING, started={"url": URL, "rate_per_s": 10.0})) == []


def test_a_slow_answer_is_the_same_for_both_however_patient_each_is() -> None:
    slow = journal(NEVER, NEVER, took_ms=1500.0)
    assert len(doubts(slow)) == 1  # the requests took 5 ms


def test_of_the_same_truth_hardly_ever_one_is_raised() -> None:
    draw = Random(5).random
    raised = sum(
        bool(doubts(journal([draw() < 0.3 for _ in range(100)], [draw() < 0.3 for _ in range(200)])))
        for _ in range(300)
    )
    assert raised <= 2  # 0.3 are expected of 300


def drawn_journal(kept: int, rate_per_s: float = 10.0, lasts_s: float = 3.0) -> Record:
    times = [100 + at for at in islice(of_the_load("poisson", rate_per_s, 1), 1000) if at < lasts_s]
    return Record(
        [
            Event("run.started", 99.0, {"plan": {"load": {"url": URL, "rate_per_s": rate_per_s}}}, "host"),
            Event("load.started", 100.0, STARTED | {"rate_per_s": rate_per_s}),
            Event("phase.started", 100.0, {"phase": "baseline"}),
            *(
                Event("load.sampled", at, {"took_ms": 5.0, "status": 200})
                for at in times[: len(times) - kept]
            ),
            Event("phase.ended", 100 + lasts_s, {"phase": "baseline"}),
        ]
    )


@pytest.mark.parametrize("rate_per_s", [2.0, 10.0, 50.0])
def test_fewer_arrivals_by_chance_are_not_fewer_than_were_due(rate_per_s: float) -> None:
    record = drawn_journal(0, rate_per_s)
    assert short_doubts(requests(record), Timeline(record), Due.of(record)) == []


def test_requests_that_were_due_and_never_sent_are_missed() -> None:
    record = drawn_journal(8)
    (doubt,) = short_doubts(requests(record), Timeline(record), Due.of(record))
    assert doubt.startswith("only ")
    assert doubt.endswith("asked requests were sent in the baseline phase")
