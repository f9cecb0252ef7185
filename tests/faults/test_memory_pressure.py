"""Real memory, touched page by page, against a budget of 128 MiB."""

import mmap
import os
import signal
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chaos.faults.memory_pressure import MemoryPressure
from chaos.faults.support.base import Injection
from tests.faults.target import LocalTarget

BUDGET = 128 * 2**20
APP = [
    sys.executable,
    "-I",
    "-S",
    "-c",
    "import sys\nkept = b''\nprint(0, flush=True)\n"
    "for line in sys.stdin:\n    kept = b'x' * int(line)\n    print(len(kept), flush=True)\n",
]


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget(memory_limit_bytes=BUDGET) as target:
        yield target


def hold(target: LocalTarget, injection: Injection, seconds: float) -> None:
    """What the agent does while it holds a fault."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sample = injection.observe()
        assert sample is not None
        target.measured(at=time.monotonic(), **sample)
        target.wait(injection.every_s)


def plateau(target: LocalTarget) -> list[dict[str, Any]]:
    return [sample for sample in target.samples if sample["phase"] == "plateau"]


@pytest.mark.parametrize("fill", [0.5, 0.8])
def test_reaches_the_asked_level_gradually_and_keeps_it(target: LocalTarget, fill: float) -> None:
    fault = MemoryPressure(fill=fill, over=0.8)
    with fault.inject(target) as injection:
        assert (injection.mechanism, injection.kind) == ("anonymous-memory", "emulated")
        assert injection.asked == {"fill_percent": fill * 100}
        hold(target, injection, 2.0)
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why
    error = float(delivered.values["fill_percent"]) - fill * 100
    print(f"fill error {error:+.3f} points over {delivered.samples} samples")
    assert abs(error) <= 1
    assert delivered.low is not None
    assert delivered.high is not None
    assert delivered.low <= float(delivered.values["fill_percent"]) <= delivered.high


def test_the_ramp_is_a_straight_line(target: LocalTarget) -> None:
    with MemoryPressure(fill=0.8, over=1.5).inject(target) as injection:
        hold(target, injection, 1.6)
    ramp = [sample for sample in target.samples if sample["phase"] == "ramp"]
    first, last = ramp[0], ramp[-1]
    slope = (last["fill_percent"] - first["fill_percent"]) / (last["at"] - first["at"])
    assert slope == pytest.approx((80 - first["fill_percent"]) / 1.5, rel=0.1)
    steps = [late["fill_percent"] - early["fill_percent"] for early, late in pairwise(ramp)]
    assert max(steps) < 20, "gradual, not at once"


def test_takes_what_the_app_frees(target: LocalTarget) -> None:
    app = start_app(target)
    tell(app, 40 * 2**20)
    with MemoryPressure(fill=0.8, over=0.4).inject(target) as injection:
        hold(target, injection, 0.8)
        held = plateau(target)[-1]["hog_percent"]
        tell(app, 0)
        hold(target, injection, 0.5)
    last = plateau(target)[-1]
    assert last["fill_percent"] == pytest.approx(80, abs=1)
    assert last["hog_percent"] > held + 25


def test_gives_way_slowly_when_the_app_grows(target: LocalTarget) -> None:
    app = start_app(target)
    with MemoryPressure(fill=0.6, over=0.4).inject(target) as injection:
        hold(target, injection, 0.8)
        tell(app, 13 * 2**20)  # about 10 % of the budget: given back at 5 % a second
        hold(target, injection, 0.4)
        assert plateau(target)[-1]["fill_percent"] > 64
        hold(target, injection, 2.4)
    assert plateau(target)[-1]["fill_percent"] == pytest.approx(60, abs=1)


def test_the_app_is_to_end_before_the_hog(target: LocalTarget) -> None:
    app = start_app(target)
    score = Path(f"/proc/{app.pid}/oom_score_adj")
    before = score.read_text()
    with MemoryPressure(fill=0.5, over=0.2).inject(target) as injection:
        injection.observe()
        assert score.read_text() == "1000\n"
    assert score.read_text() == before


def test_everything_is_given_back_at_once(target: LocalTarget) -> None:
    with MemoryPressure(fill=0.8, over=0.3).inject(target) as injection:
        hold(target, injection, 0.5)
        [helper] = target.helpers
        assert target.memory.used_bytes() > 0.7 * BUDGET
    assert helper.poll() is not None
    assert target.memory.used_bytes() == 0


def test_a_hog_that_was_killed_has_landed_until_then(target: LocalTarget) -> None:
    fault = MemoryPressure(fill=0.8, over=0.3)
    with fault.inject(target) as injection:
        hold(target, injection, 1.0)
        os.kill(target.helpers[0].pid, signal.SIGKILL)
        target.helpers[0].wait()
        hold(target, injection, 0.2)
    assert target.samples[-1]["phase"] == "lost"
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why
    assert delivered.ended_early.startswith("the end of the hog: ")
    assert delivered.why.startswith("ended early by the end of the hog")


def test_a_hog_that_was_killed_on_its_way_up_did_not_land() -> None:
    ramp = [
        {"phase": "ramp", "fill_percent": float(level), "hog_percent": 20.0} for level in range(40, 60, 5)
    ]
    lost = {"phase": "lost", "why": "the end of the hog: it went", "fill_percent": 30.0, "hog_percent": 0.0}
    delivered = MemoryPressure(fill=0.8).delivered([*ramp, lost])
    assert not delivered.landed
    assert "ended by the end of the hog" in delivered.why


def test_an_app_that_meets_its_limit_on_the_way_up_was_pressed() -> None:
    ramp = [
        {"phase": "ramp", "fill_percent": float(level), "hog_percent": 20.0} for level in range(60, 95, 5)
    ]
    killed = {"phase": "ramp", "fill_percent": 50.0, "hog_percent": 40.0, "kills": 1}
    restarted = {**killed, "phase": "restarted"}
    delivered = MemoryPressure(fill=0.95).delivered([*ramp, killed, restarted])
    assert delivered.landed, delivered.why
    assert "the app met its limit in the ramp, with 90.0 %" in delivered.why
    alone = [{**sample, "hog_percent": 0.0} for sample in (*ramp, killed)]
    assert not MemoryPressure(fill=0.95).delivered(alone).landed, "it would have met it without us"


def test_an_app_that_takes_more_on_top_is_pressed_all_the_same(target: LocalTarget) -> None:
    level = {"phase": "plateau", "fill_percent": 98.0, "hog_percent": 40.0}
    assert MemoryPressure(fill=0.9).delivered([level] * 9).landed
    assert not MemoryPressure(fill=0.9).delivered([{**level, "hog_percent": 0.0}] * 9).landed


def test_gives_way_to_an_app_that_is_started_again(target: LocalTarget) -> None:
    """It holds no more than while the app was whole, and makes room for what comes back, as large as that may be."""
    app = start_app(target)
    tell(app, 40 * 2**20)
    fault = MemoryPressure(fill=0.8, over=0.3)
    with fault.inject(target) as injection:
        hold(target, injection, 0.6)
        whole = plateau(target)[-1]["hog_percent"]
        app.kill()
        app.wait()
        hold(target, injection, 0.5)
        assert target.samples[-1]["hog_percent"] <= whole
        assert target.samples[-1]["phase"] == "restarted"
        for stream in (app.stdin, app.stdout):
            stream.close()
        again = start_app(target)
        hold(target, injection, 0.2)
        tell(again, 60 * 2**20)  # more than before: given back at once
        hold(target, injection, 0.4)
        assert target.samples[-1]["fill_percent"] == pytest.approx(80, abs=2)
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why


def test_a_hold_that_ends_in_the_ramp_did_not_land(target: LocalTarget) -> None:
    fault = MemoryPressure(fill=0.8, over=30)
    with fault.inject(target) as injection:
        hold(target, injection, 0.2)
    delivered = fault.delivered(target.samples)
    assert not delivered.landed
    assert "before the ramp did" in delivered.why
    assert fault.minimum_hold_s() == 31


def test_an_app_that_holds_more_by_itself_is_said(target: LocalTarget) -> None:
    app = start_app(target)
    tell(app, 100 * 2**20)
    fault = MemoryPressure(fill=0.5, over=0.2)
    with fault.inject(target) as injection:
        hold(target, injection, 1.2)
    delivered = fault.delivered(target.samples)
    assert not delivered.landed
    assert "the app holds more by itself" in delivered.why


def test_small_children_that_come_and_go_are_no_restart(target: LocalTarget) -> None:
    target.start("app", ["sh", "-c", "while :; do sleep 0.05; date >/dev/null; done"])
    fault = MemoryPressure(fill=0.6, over=0.3)
    with fault.inject(target) as injection:
        hold(target, injection, 0.8)
    assert "restarted" not in {sample["phase"] for sample in target.samples}


def test_nothing_to_fill_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0%"):
        MemoryPressure(fill=0.0)


def start_app(target: LocalTarget) -> Any:
    import subprocess

    app = subprocess.Popen(APP, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    target.children["app"] = app
    assert app.stdout is not None
    assert app.stdout.readline() == b"0\n"
    return app


def tell(app: Any, size: int) -> None:
    """Have the app hold that many bytes, and wait until it does."""
    app.stdin.write(b"%d\n" % size)
    app.stdin.flush()
    assert int(app.stdout.readline()) == size
    assert size % mmap.PAGESIZE == 0
