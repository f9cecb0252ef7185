"""What faults need of the app's processes is there from their first life on, in later ones, and in controls."""

import json
import os
import platform
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from chaos.agent.timeline import Ending
from chaos.faults.clock.page import ClockPage
from tests.agent.test_steps import Stage

SKEW = {"type": "clock_skew", "process": "web", "offset": 3600.0}
TELLS = "while :; do date +%s >> told; sleep 0.02; done"


def stage(folder: Path, **order: Any) -> Stage:
    """An app that writes down what time it is; its clock is wrong for a second."""
    made = Stage(folder, SKEW, baseline_s=1.0, **order)
    (entry,) = made.order["method"]
    entry["prepares"], entry["hold_s"] = True, 1.0
    made.order["processes"][0]["command"] = ["sh", "-c", TELLS]
    return made


def told(made: Stage) -> list[int]:
    return [int(line) - int(time.time()) for line in (made.folder / "app/told").read_text().split()]


def test_the_app_sees_the_wrong_time_while_it_is_held_and_the_right_one_around(tmp_path: Path) -> None:
    made = stage(tmp_path, recovery_s=1.0)
    assert made.play().outcome == "completed"
    seen = told(made)
    assert abs(seen[0]) < 60
    assert abs(max(seen) - 3600) < 60
    assert abs(seen[-1]) < 60
    assert made.only("fault.recovered").data["residue"] == []


def test_an_app_that_is_started_again_meanwhile_sees_it_too(tmp_path: Path) -> None:
    made = stage(tmp_path)
    made.order["processes"][0] |= {"restart": "always", "command": ["sh", "-c", f"rm -f told; {TELLS}"]}
    made.order["method"][0]["hold_s"] = 3.0

    async def kill(made: Stage) -> None:
        await made.until("fault.injected")
        os.kill(made.only("process.started").data["pid"], signal.SIGKILL)

    made.play(kill)
    assert made.types().count("process.started") == 2
    assert abs(told(made)[0] - 3600) < 60


def test_a_control_is_started_under_the_same_clock_which_stays_right(tmp_path: Path) -> None:
    made = stage(tmp_path, control=True)
    made.order["declared_s"] = 2.2
    assert made.play().outcome == "completed"
    assert ClockPage(tmp_path, "web").told().asked > 0
    assert all(abs(seen) < 60 for seen in told(made))


def test_what_cannot_be_prepared_is_not_injected_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    made = stage(tmp_path)
    ending = made.play()
    assert ending == Ending("not_injected", made.only("fault.failed").data["why"])
    assert "not compiled for vax" in ending.why
    assert made.only("fault.failed").data["step"] == "step 0"
    assert made.types() == ["fault.failed"]
    assert json.loads(json.dumps(made.order)) == made.order
