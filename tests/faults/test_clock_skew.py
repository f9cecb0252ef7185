"""clock_skew on real processes: what they print as the time, before, while and after it is wrong."""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from chaos.errors import InjectionError
from chaos.faults.clock import library
from chaos.faults.clock.page import ClockPage
from chaos.faults.clock_skew import ClockSkew
from chaos.faults.support.base import Injection
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.target import LocalTarget

HOUR_S = 3600.0
NEAR_S = 0.5
"""A line is read some time after it was written, on a machine that others load; the fault is measured by a witness."""
SOON_S = 20.0
ENOUGH_LOOKS = 14

TELLS = """
import time, threading
while True:
    began = time.monotonic()
    threading.Event().wait(0.01)  # a wait for a time must not feel the wall clock
    time.sleep(0.01)
    print(time.time(), time.monotonic() - began, flush=True)
"""


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget() as made:
        yield made


def start(target: LocalTarget, fault: ClockSkew, code: str = TELLS, name: str = "app") -> None:
    """As the agent does: with what the fault needs from the first life on."""
    env = {**os.environ, **fault.environment(name, target.work, os.environ)}
    target.start(name, [sys.executable, "-S", "-u", "-c", code], env)


def said(target: LocalTarget, name: str = "app") -> list[float]:
    """The next line of the process."""
    stdout = target.children[name].stdout
    assert stdout is not None
    return [float(word) for word in stdout.readline().split()]


def until_off(target: LocalTarget, offset_s: float, name: str = "app") -> float:
    """Read lines until one is that far off; how long a wait of 20 ms took it at that."""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        at, waited_s = said(target, name)
        if abs(at - time.time() - offset_s) < NEAR_S:
            return waited_s
    raise AssertionError(f"never {offset_s} s off")


def hold(
    target: LocalTarget, injection: Injection, seconds: float, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """As the agent does, and until there are looks enough, however slow the machine is."""
    began = time.monotonic()
    while time.monotonic() - began < seconds or len(target.samples) < ENOUGH_LOOKS:
        meanwhile()
        sample = injection.observe()
        assert sample is not None
        target.samples.append(dict(sample))
        time.sleep(injection.every_s)


@pytest.mark.parametrize("offset_s", [HOUR_S, -300.0, 90 * 86400.0])
def test_the_process_itself_sees_the_wrong_time_and_the_right_one_again(
    target: LocalTarget, offset_s: float
) -> None:
    fault = ClockSkew(offset=offset_s)
    start(target, fault)
    until_off(target, 0.0)
    with fault.inject(target) as injection:
        assert injection.kind == "emulated"
        assert injection.asked == {"offset_s": offset_s, "drift_percent": 0.0}
        waited_s = until_off(target, offset_s)
        assert 0.02 <= waited_s < 5.0, "a wait is as long as ever"
        hold(target, injection, 1.2, lambda: until_off(target, offset_s))
    until_off(target, 0.0)
    delivered = fault.delivered(target.samples)
    print(delivered)
    assert delivered.landed, delivered.why
    fewest = 6  # independent ones, from which on the smallest and the largest enclose a median with 95 %
    assert (delivered.low is not None) is ((delivered.effective or 0) >= fewest)
    if delivered.low is not None and delivered.high is not None:
        assert delivered.low <= float(delivered.values["offset_s"]) <= delivered.high
    assert abs(float(delivered.values["offset_s"]) - offset_s) < 0.02
    assert all(helper.poll() is not None for helper in target.helpers)


def test_it_is_seen_at_once_and_gone_at_once(target: LocalTarget) -> None:
    fault = ClockSkew()
    start(target, fault)
    until_off(target, 0.0)
    before = time.monotonic()
    entered = fault.inject(target)
    entered.__enter__()
    on_s = time.monotonic() - before
    until_off(target, HOUR_S)
    before = time.monotonic()
    entered.__exit__(None, None, None)
    off_s = time.monotonic() - before
    print(f"on after {on_s * 1000:.0f} ms with the witness's start, off after {off_s * 1000:.0f} ms")
    until_off(target, 0.0)


@pytest.mark.parametrize("drift", [0.1, -0.1])
def test_a_drift_grows_while_it_is_held(target: LocalTarget, drift: float) -> None:
    fault = ClockSkew(offset=60.0, drift=drift)
    start(target, fault)
    until_off(target, 0.0)
    with fault.inject(target) as injection:
        hold(target, injection, 3.0, lambda: said(target))
    delivered = fault.delivered(target.samples)
    print(delivered)
    assert delivered.landed, delivered.why
    assert abs(float(delivered.values["drift_percent"]) - 100 * drift) < 0.5
    until_off(target, 0.0)


def test_who_is_started_meanwhile_sees_it_too_and_children_as_well(target: LocalTarget) -> None:
    fault = ClockSkew()
    start(target, fault)
    with fault.inject(target):
        target.children["app"].kill()
        target.children["app"].wait()
        parent = (
            "import subprocess, sys; subprocess.run([sys.executable, '-S', '-u', '-c', " + repr(TELLS) + "])"
        )
        start(target, fault, parent)
        until_off(target, HOUR_S)
    until_off(target, 0.0)


def test_others_keep_the_right_time(target: LocalTarget) -> None:
    fault = ClockSkew(process="app")
    start(target, fault)
    start(target, fault, name="other")
    assert fault.environment("other", target.work, os.environ) == {}
    with fault.inject(target):
        until_off(target, HOUR_S)
        until_off(target, 0.0, "other")


def test_the_apps_own_preloaded_library_stays(target: LocalTarget) -> None:
    env = ClockSkew().environment("app", target.work, {"LD_PRELOAD": "/lib/mine.so"})
    assert env["LD_PRELOAD"] == f"/lib/mine.so {library.put_in_place(target.work)}"
    again = ClockSkew().environment("app", target.work, env)
    assert again["LD_PRELOAD"] == env["LD_PRELOAD"]


def test_a_program_that_the_library_does_not_reach_is_measured_as_not_landed(target: LocalTarget) -> None:
    """Statically linked, or its environment cleared, as here: it looks at the true time all along."""
    fault = ClockSkew()
    env = {**os.environ, **fault.environment("app", target.work, os.environ)}
    target.start("app", ["env", "-i", sys.executable, "-S", "-u", "-c", TELLS], env)
    until_off(target, 0.0)
    with fault.inject(target) as injection:
        hold(target, injection, 1.2, lambda: until_off(target, 0.0))
    delivered = fault.delivered(target.samples)
    assert abs(float(delivered.values["offset_s"]) - HOUR_S) < 0.02, "the witness saw it"
    assert not delivered.landed
    assert "app never asked the library for the time while it was wrong" in delivered.why


def test_a_process_that_is_not_interested_in_the_time_is_measured_as_not_landed(target: LocalTarget) -> None:
    fault = ClockSkew()
    start(target, fault, "import signal; print(0.0); signal.pause()")
    said(target)
    with fault.inject(target) as injection:
        hold(target, injection, 1.2)
    delivered = fault.delivered(target.samples)
    assert not delivered.landed
    assert "app never asked the library for the time while it was wrong" in delivered.why


def test_when_the_agent_is_killed_the_time_is_right_again(target: LocalTarget) -> None:
    fault = ClockSkew()
    start(target, fault)
    until_off(target, 0.0)
    fields = {"type": "clock_skew", "process": "app"}
    with injected_elsewhere(fields, target.children["app"].pid, work=target.work) as agent:
        until_off(target, HOUR_S)
        clock = ClockPage(target.work, "app")
        assert clock.wrong() == (HOUR_S, 0.0)
        agent.kill()
        agent.wait()
        took_s = seconds_until(lambda: clock.wrong() == (0.0, 0.0))
        print(f"right {took_s * 1000:.1f} ms after the agent's SIGKILL")
        assert took_s <= WITHIN_S
        until_off(target, 0.0)


def test_where_there_is_no_library_for_the_machine_it_says_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ClockSkew().missing() is None
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    why = ClockSkew().missing()
    assert why is not None
    assert "not compiled for vax" in why
    assert "python scripts/clock_library.py" in why


def test_who_was_not_started_under_such_a_clock_is_an_injection_error(target: LocalTarget) -> None:
    target.start("app", ["sleep", "60"])
    with pytest.raises(InjectionError, match="app was not started under a clock that can be set"):
        ClockSkew().inject(target).__enter__()


def test_nobody_there_is_an_injection_error(target: LocalTarget) -> None:
    fault = ClockSkew(process="app")
    fault.environment("app", target.work, os.environ)
    with pytest.raises(InjectionError, match="no live process app"):
        fault.inject(target).__enter__()


@pytest.mark.parametrize("offset", [0.0, 0.05, -0.05])
def test_no_offset_is_no_fault(offset: float) -> None:
    with pytest.raises(ValueError, match="at least 100ms ahead or behind"):
        ClockSkew(offset=offset)
    assert ClockSkew(offset=offset, drift=0.01).offset == offset
