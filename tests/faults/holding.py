"""What the agent does while it holds a fault; and apps that do one thing at each signal, and say what came of it."""

import signal
import subprocess
import time
from collections.abc import Sequence

from chaos.faults.support.base import Injection
from tests.faults.target import LocalTarget


def hold(target: LocalTarget, injection: Injection, seconds: float) -> None:
    """Look as often as the fault says."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (sample := injection.observe()) is not None:
            target.measured(**sample)
        target.wait(injection.every_s)


def start(target: LocalTarget, app: Sequence[str], name: str = "app") -> "subprocess.Popen[bytes]":
    """One that says `up` once it heeds signals."""
    started = target.start(name, list(app))
    assert heard(started) == "up"
    return started


def heard(app: "subprocess.Popen[bytes]") -> str:
    """The next word it says."""
    assert app.stdout is not None
    return app.stdout.readline().decode().strip()


def told(app: "subprocess.Popen[bytes]", number: signal.Signals) -> str:
    """What it says to that signal."""
    app.send_signal(number)
    return heard(app)
