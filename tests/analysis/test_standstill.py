"""What was under way while a machine stood still by order says nothing; a gap that nobody ordered still does."""

from typing import Any

import pytest

from chaos.analysis.due import Due
from chaos.analysis.health import clock_doubts, short_doubts
from chaos.analysis.latency import requests
from chaos.analysis.record import Record
from chaos.analysis.standstill import awake, standstills
from chaos.analysis.timeline import Timeline
from chaos.events import Event

FROZEN = {"step": "freeze", "gap_s": 5.0, "gap_over_s_ago": 0.5, "asked_at": 70.0, "resumed_at": 75.2}
"""As told at 110.5: from 105 to 110."""


def run_of(frozen: dict[str, Any]) -> list[Event]:
    """A fault phase of 20 s from 100 on, ten usage samples and ten requests a second but for 105 to 110."""
    plan = {"load": {"rate_per_s": 10.0}, "method": [{"name": "freeze"}], "sample_hz": 10}
    beats = [100 + tenth / 10 for tenth in range(200) if not 50 <= tenth < 100]
    requested = [100 + tenth / 10 for tenth in range(200)]
    return [
        Event("run.started", 99.0, {"plan": plan}, "host"),
        Event("phase.started", 100.0, {"phase": "fault"}),
        *(Event("usage.sampled", at) for at in beats),
        *(Event("load.sampled", at, _request(at)) for at in requested),
        Event("fault.measured", 110.5, frozen),
        Event("phase.ended", 120.0, {"phase": "fault"}),
    ]


def _request(at: float) -> dict[str, Any]:
    late_ms = max(0.0, 110.0 - at) * 1000 if at >= 105 else 0.0
    return {"late_ms": late_ms, "took_ms": late_ms + 50.0, "status": 200, "error": None, "bytes": 2}


def test_requests_that_were_under_way_are_left_out_and_no_others() -> None:
    events = run_of(FROZEN)
    assert standstills(events) == [(pytest.approx(105.0), pytest.approx(110.0))]
    gone = [event.at for event in events if event not in awake(events)]
    assert gone == [pytest.approx(104.95 + 0.05 + tenth / 10, abs=0.06) for tenth in range(len(gone))]
    assert 50 <= len(gone) <= 51


def test_neither_silence_nor_what_was_not_sent_is_a_doubt() -> None:
    record = Record(awake(run_of(FROZEN)))
    timeline = Timeline(record)
    found = requests(record)
    due = Due.of(record)
    assert clock_doubts(record, timeline) == []
    assert short_doubts(found, timeline, due, standstills(record.events)) == []
    assert short_doubts(found, timeline, due) != []


@pytest.mark.parametrize(
    "frozen",
    [{"step": "freeze"}, FROZEN | {"resumed_at": 72.0}],
    ids=["none is told of", "longer than ordered"],
)
def test_a_gap_that_nobody_ordered_is_one(frozen: dict[str, Any]) -> None:
    events = run_of(frozen)
    assert awake(events) is events
    record = Record(events)
    (doubt,) = clock_doubts(record, Timeline(record))
    assert doubt.startswith("the agent recorded nothing for 5.1 s")
