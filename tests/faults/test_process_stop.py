"""Real processes that are told to end, and do so in their own way or not at all."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from chaos.errors import InjectionError
from chaos.faults.process.tree import look
from chaos.faults.process_stop import ProcessStop
from chaos.faults.support.base import Delivered
from tests.faults.target import LocalTarget

APP = (
    "import os, signal, sys, time\n"
    "def end(*_):\n    time.sleep({drain})\n    sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, {handler})\n"
    "{extra}\n"
    "os.write(1, b'up\\n')\n"
    "while True: time.sleep(0.05)\n"
)


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget() as target:
        yield target


def start(
    target: LocalTarget, *, drain: float = 0.0, handler: str = "end", extra: str = ""
) -> "subprocess.Popen[bytes]":
    code = APP.format(drain=drain, handler=handler, extra=extra)
    app = target.start("app", [sys.executable, "-I", "-S", "-c", code])
    assert app.stdout is not None
    assert app.stdout.readline() == b"up\n"
    return app


def stop(target: LocalTarget, fault: ProcessStop, hold_s: float) -> Delivered:
    """What the agent does with it."""
    until = time.monotonic() + hold_s
    with fault.inject(target) as injection:
        while time.monotonic() < until:
            if (sample := injection.observe()) is not None:
                target.measured(**sample)
            target.wait(injection.every_s)
    return fault.delivered(target.samples)


def test_who_ends_by_itself_is_graceful(target: LocalTarget) -> None:
    app = start(target, drain=0.3)
    delivered = stop(target, ProcessStop(process="app", deadline=2.0), 1.0)
    assert app.wait(5) == 0
    print(f"\n{delivered.why}")
    assert delivered.landed
    assert delivered.values["graceful"] == "yes"
    assert 0.3 <= float(delivered.values["took_s"]) < 0.6


def test_who_does_not_is_killed_at_the_deadline(target: LocalTarget) -> None:
    app = start(target, handler="signal.SIG_IGN")
    delivered = stop(target, ProcessStop(deadline=0.4), 1.0)
    assert app.wait(5) == -signal.SIGKILL
    print(f"\n{delivered.why}")
    assert delivered.landed
    assert delivered.values["graceful"] == "no"
    assert 0.4 <= float(delivered.values["took_s"]) < 0.6


def test_descendants_that_are_left_behind_are_killed(target: LocalTarget) -> None:
    fork = "if os.fork() == 0:\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(60)"
    app = start(target, extra=fork)
    child = next(pid for pid in target.pids("app") if pid != app.pid)
    delivered = stop(target, ProcessStop(deadline=2.0), 0.6)
    assert app.wait(5) == 0
    assert "1 processes that it left behind were killed" in delivered.why
    assert look(child) is None


def test_a_hold_that_ends_first_did_not_land(target: LocalTarget) -> None:
    start(target, handler="signal.SIG_IGN")
    fault = ProcessStop(deadline=5.0)
    delivered = stop(target, fault, 0.2)
    assert not delivered.landed
    assert "still lived after 0." in delivered.why
    assert fault.minimum_hold_s() > 5


def test_nobody_to_stop_is_an_injection_error(target: LocalTarget) -> None:
    start(target)
    with pytest.raises(InjectionError, match="no live process web to stop; known: app"):
        ProcessStop(process="web").inject(target).__enter__()
