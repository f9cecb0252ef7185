"""An app that forks when told to, and pid_exhaustion on it as an ordinary user: without pytest, to run as anybody."""

import resource
import signal
import sys

from chaos.faults.pid_exhaustion import PidExhaustion
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.holding import hold, start, told
from tests.faults.target import LocalTarget

APP = [
    sys.executable, "-I", "-S", "-c",
    "import errno, os, signal\n"
    "held = []\n"
    "def say(word): os.write(1, f'{word}\\n'.encode())\n"
    "def take(*_):\n"
    "    try: child = os.fork()\n"
    "    except OSError as error: return say(errno.errorcode[error.errno])\n"
    "    if child == 0:\n"
    "        while True: signal.pause()\n"
    "    held.append(child); say('forked')\n"
    "def give(*_):\n    os.kill(held[-1], 9); os.waitpid(held.pop(), 0); say('ended')\n"
    "told = {signal.SIGUSR1: take, signal.SIGUSR2: give}\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, told)\n"  # waited for: none comes between two looks
    "say('up')\n"
    "while True: told[signal.sigwait(told)]()\n",
]  # fmt: skip
"""Forks on SIGUSR1, ends a child on SIGUSR2."""


def by_user() -> None:
    """As root of a user namespace: without a control group, and then with the agent gone."""
    with LocalTarget() as target:
        app = start(target, APP)
        before = resource.prlimit(app.pid, resource.RLIMIT_NPROC)
        fault = PidExhaustion(leave=2)
        with fault.inject(target) as injection:
            assert injection.mechanism == "prlimit-nproc"
            hold(target, injection, 0.3)
            assert [told(app, signal.SIGUSR1) for _ in range(4)] == ["forked"] * 2 + ["EAGAIN"] * 2
            hold(target, injection, 1.0)
        delivered = fault.delivered(target.samples)
        print(delivered.why)
        assert delivered.landed, delivered.why
        assert resource.prlimit(app.pid, resource.RLIMIT_NPROC) == before
        with injected_elsewhere({"type": "pid_exhaustion"}, app.pid) as agent:
            seconds_until(lambda: told(app, signal.SIGUSR1) == "EAGAIN")
            agent.kill()
            agent.wait()
            took_s = seconds_until(lambda: resource.prlimit(app.pid, resource.RLIMIT_NPROC) == before)
            print(f"the old limit {took_s * 1000:.1f} ms after the agent's SIGKILL")
            assert took_s <= WITHIN_S
