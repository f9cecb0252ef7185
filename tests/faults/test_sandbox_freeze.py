"""A freeze is believed as far as it was measured: by the controller's clock, less what ran in there meanwhile."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from chaos.errors import FaultError
from chaos.faults.sandbox_freeze import SandboxFreeze, bounds
from chaos.faults.support.beats import Beats, beating
from chaos.faults.support.outside import answer_in, awaited

SOON_S = 30.0


def told(**changed: Any) -> dict[str, Any]:
    """What a controller tells of a freeze of five seconds: asked at 10.1, resumed by 15.2."""
    whole = {
        "read": [[10.0, 10.1], [15.2, 15.3]],
        "ran_s": [3.0, 3.15],
        "asked_at": 10.1,
        "resumed_at": 15.2,
        "looks": 20,
        "answered": 0,
    }
    return whole | changed


def test_what_is_missing_from_the_time_in_between_is_time_in_which_nothing_ran() -> None:
    assert bounds(told()) == pytest.approx((4.95, 5.1))


def test_it_cannot_have_stood_still_for_longer_than_it_was_asked_to() -> None:
    busy = told(read=[[10.0, 10.1], [19.2, 19.3]])  # it came back, and was too busy to beat
    assert bounds(busy) == pytest.approx((5.1, 5.1))


def test_one_in_which_everything_ran_on_did_not_stand_still() -> None:
    assert bounds(told(ran_s=[3.0, 8.2])) == pytest.approx((0.0, 0.1))


@pytest.mark.parametrize(
    ("changed", "landed"),
    [
        ({}, True),
        ({"answered": 1}, False),
        ({"looks": 2}, False),
        ({"ran_s": [3.0, 8.2]}, False),
        ({"ran_s": [3.0, 4.0]}, False),
        ({"read": [[10.0, 10.1], [35.2, 35.3]], "resumed_at": 35.2}, False),
    ],
    ids=["as asked", "somebody answered", "hardly looked at", "all ran on", "too short", "far too long"],
)
def test_it_landed_when_nothing_ran_and_nobody_answered(changed: dict[str, Any], landed: bool) -> None:
    delivered = SandboxFreeze(lasts=5.0).delivered([told(**changed)])
    assert delivered.landed is landed, delivered.why
    assert delivered.values["frozen_s"] == delivered.low  # no more than is sure


def test_beats_leave_out_the_gaps_that_no_busy_machine_makes() -> None:
    beats = Beats(_last=0.0)
    for now in (0.1, 0.3, 5.3, 5.4, 6.4, 6.5):
        beats.beat(now)
    assert beats.ran_s == pytest.approx(0.5)
    assert (beats.gap_s, beats.gap_over) == (pytest.approx(5.0), pytest.approx(5.3))


def test_the_sum_is_to_be_read_from_outside_at_any_time(tmp_path: Path) -> None:
    file = tmp_path / "beats"
    with beating(file):
        give_up_at = time.monotonic() + SOON_S
        while float(file.read_text()) < 0.1:
            assert time.monotonic() < give_up_at
            time.sleep(0.01)
    assert not file.exists()


def test_an_answer_is_what_was_done_or_why_it_could_not_be(tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    assert answer_in(file) is None
    with pytest.raises(FaultError, match="nobody outside answered within 0 s"):
        awaited(file, 0)
    part = tmp_path / "part"
    part.write_text(json.dumps({"did": {"took_s": 1}}))
    threading.Timer(0.1, part.rename, [file]).start()
    assert awaited(file, SOON_S) == {"took_s": 1}
    file.write_text(json.dumps({"failed": "E2B said no"}))
    with pytest.raises(FaultError, match="from outside: E2B said no"):
        awaited(file)
