"""Whether the app met the fault, in the verdict: in place is not enough, and what cannot be seen forbids nothing."""

from pathlib import Path
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.events import Event
from chaos.events.codec import check
from chaos.faults.union import FAULTS
from chaos.verdict import Verdict
from tests.journals.telling import SLOW_NETWORK, Telling, changed

PAGE = Path(__file__).parents[2] / "docs" / "met.md"
MET = {"count": 12, "of": None, "why": "12 packets of the app were delayed", "enough": True}
UNMET = {"count": 0, "of": None, "why": "no packet of the app went this way", "enough": False}
FEW = {"count": 1, "of": 24, "why": "1 of 24 packets were lost; too little to tell", "enough": False}
UNSEEN = {"count": None, "of": None, "why": "not measurable: a refused write leaves no trace", "enough": True}


def told(met: dict[str, Any] | None, **step: Any) -> list[Event]:
    events = Telling(step=SLOW_NETWORK | step).events()
    return events if met is None else changed(events, "fault.recovered", met=met)


@pytest.mark.parametrize("met", [MET, UNSEEN, None])
def test_what_was_met_or_cannot_be_seen_or_is_not_said_can_be_held(met: dict[str, Any] | None) -> None:
    result = judge(told(met))
    assert result.verdict is Verdict.HELD
    assert result.steps[0].landed
    assert (result.steps[0].met and result.steps[0].met.model_dump()) == met


@pytest.mark.parametrize("met", [UNMET, FEW])
def test_what_nobody_met_proves_nothing_though_it_landed(met: dict[str, Any]) -> None:
    result = judge(told(met))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.why == f"“slow network” was in place, but the app did not meet it: {met['why']}."
    assert result.steps[0].landed


def test_unless_the_step_says_that_it_is_not_to_be_met() -> None:
    assert judge(told(UNMET, expect_met=False)).verdict is Verdict.HELD
    assert judge(told(UNMET, expect_met=True)).verdict is Verdict.INCONCLUSIVE


def test_a_deviation_is_one_all_the_same() -> None:
    events = changed(Telling(down=[(3.0, 9.9)]).events(), "fault.recovered", met=UNMET)
    assert judge(events).verdict is Verdict.DEVIATED


def without_traffic(met: dict[str, Any] | None) -> list[Event]:
    events = Telling(step=SLOW_NETWORK | {"expect_met": False}).events()
    events = changed(events, "fault.measured", target_packets=0)
    return events if met is None else changed(events, "fault.recovered", met=met)


def test_landed_is_in_place_as_asked_whoever_met_it() -> None:
    assert judge(without_traffic(UNMET)).steps[0].landed
    assert not judge(without_traffic(None)).steps[0].landed  # a journal of before is judged as it was


def test_it_is_part_of_the_schema_of_events() -> None:
    (recovered,) = [event for event in told(UNSEEN) if event.type == "fault.recovered"]
    assert check("fault.recovered", dict(recovered.data)) is None
    assert check("fault.recovered", dict(recovered.data) | {"met": {"count": "many"}})


@pytest.mark.parametrize("fault", FAULTS)
def test_the_page_says_what_counts(fault: str) -> None:
    (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{fault}` |")]
    words = " ".join((FAULTS[fault].met.__doc__ or "").split()).removeprefix("See Fault: ")
    assert words in row
