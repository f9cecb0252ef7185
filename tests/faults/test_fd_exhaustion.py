"""Real processes that open what they can, and say with which error they could not."""

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from chaos.errors import InjectionError
from chaos.faults.fd_exhaustion import FdExhaustion
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.holding import hold, start, told
from tests.faults.target import LocalTarget

APP = [
    sys.executable, "-I", "-S", "-c",
    "import errno, os, signal, sys\n"
    "held = []\n"
    "def say(word): os.write(1, f'{word}\\n'.encode())\n"
    "def take(*_):\n"
    "    try: held.append(os.open('/dev/null', os.O_RDONLY))\n"
    "    except OSError as error: say(errno.errorcode[error.errno])\n"
    "    else: say('opened')\n"
    "def give(*_):\n    os.close(held.pop()); say('closed')\n"
    "told = {signal.SIGUSR1: take, signal.SIGUSR2: give}\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, told)\n"  # waited for: none comes between two looks
    "for _ in range(5): held.append(os.open('/dev/null', os.O_RDONLY))\n"
    "say('up')\n"
    "while True: told[signal.sigwait(told)]()\n",
]  # fmt: skip
"""Opens one more on SIGUSR1, closes one on SIGUSR2."""


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget() as target:
        yield target


@pytest.mark.parametrize("leave", [0, 3])
def test_exactly_so_many_more_can_be_opened(target: LocalTarget, leave: int) -> None:
    app = start(target, APP)
    before = resource.prlimit(app.pid, resource.RLIMIT_NOFILE)
    fault = FdExhaustion(leave=leave)
    began = time.monotonic()
    with fault.inject(target) as injection:
        on_s = time.monotonic() - began
        assert [told(app, signal.SIGUSR1) for _ in range(leave + 2)] == ["opened"] * leave + ["EMFILE"] * 2
        hold(target, injection, 0.8)
        assert told(app, signal.SIGUSR1) == "EMFILE", "what it took of the room left is its own"
        ending = time.monotonic()
    off_s = time.monotonic() - ending
    delivered = fault.delivered(target.samples)
    print(f"\n{delivered.why}; on {on_s * 1000:.0f} ms, off {off_s * 1000:.1f} ms")
    assert delivered.landed, delivered.why
    assert delivered.values == {"left_fds": leave}
    assert resource.prlimit(app.pid, resource.RLIMIT_NOFILE) == before
    assert told(app, signal.SIGUSR1) == "opened"


def test_what_it_closes_is_taken_too(target: LocalTarget) -> None:
    app = start(target, APP)
    with FdExhaustion().inject(target) as injection:
        assert told(app, signal.SIGUSR2) == "closed"
        hold(target, injection, 0.3)
        assert told(app, signal.SIGUSR1) == "EMFILE"
    assert told(app, signal.SIGUSR1) == "opened"


def test_heirs_are_restrained_and_get_back_what_their_parents_had(target: LocalTarget) -> None:
    waits = "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\nos.write(1, b'up\\n')\n"
    fork = waits + "while signal.sigwait([signal.SIGUSR1]): os.fork()"
    app = start(target, [sys.executable, "-I", "-S", "-c", fork])
    before = resource.prlimit(app.pid, resource.RLIMIT_NOFILE)
    with FdExhaustion().inject(target):
        app.send_signal(signal.SIGUSR1)
        seconds_until(lambda: len(target.pids()) == 2)
        heir = target.pids()[1]
        assert resource.prlimit(heir, resource.RLIMIT_NOFILE)[0] < before[0]
    assert resource.prlimit(heir, resource.RLIMIT_NOFILE) == before


def test_who_is_started_meanwhile_comes_up_first(target: LocalTarget) -> None:
    start(target, APP)
    with FdExhaustion().inject(target) as injection:
        late = start(target, APP, "late")
        assert told(late, signal.SIGUSR1) == "opened"
        hold(target, injection, 1.5)
        assert told(late, signal.SIGUSR1) == "EMFILE"
    assert told(late, signal.SIGUSR1) == "opened"


def test_when_the_agent_is_killed_the_limits_are_what_they_were(target: LocalTarget) -> None:
    app = start(target, APP)
    before = resource.prlimit(app.pid, resource.RLIMIT_NOFILE)
    with injected_elsewhere({"type": "fd_exhaustion"}, app.pid) as agent:
        assert told(app, signal.SIGUSR1) == "EMFILE"
        agent.kill()
        agent.wait()
        took_s = seconds_until(lambda: resource.prlimit(app.pid, resource.RLIMIT_NOFILE) == before)
        print(f"\nthe old limit {took_s * 1000:.1f} ms after the agent's SIGKILL")
        assert took_s <= WITHIN_S


def test_others_keep_their_limits(target: LocalTarget) -> None:
    start(target, APP)
    mine = resource.getrlimit(resource.RLIMIT_NOFILE)
    bystander = target.start("other", ["sleep", "60"])
    with FdExhaustion(process="app").inject(target):
        assert resource.prlimit(bystander.pid, resource.RLIMIT_NOFILE) == mine
        assert resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE) == mine


def test_an_app_that_raises_its_limit_again_has_not_been_exhausted() -> None:
    low = {"left_fds": 0, "met": 1}
    assert FdExhaustion().delivered([low] * 6).landed
    assert not FdExhaustion().delivered([low] * 2 + [{"left_fds": 1015, "met": 0}] * 8).landed


def test_nobody_to_restrain_is_an_injection_error(target: LocalTarget) -> None:
    with pytest.raises(InjectionError, match="no live process at all to restrain; known: none"):
        FdExhaustion().inject(target).__enter__()


def test_less_than_none_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and"):
        FdExhaustion(leave=-1)


def test_what_is_taken_for_a_moment_only_is_seen_between_two_looks(target: LocalTarget) -> None:
    """A server that accepts, answers and closes has its descriptor for a millisecond or two."""
    moments = (
        "import os, time\nos.write(1, b'up\\n')\n"
        "while True:\n"
        "    taken = os.open('/dev/null', os.O_RDONLY); time.sleep(0.003); os.close(taken); time.sleep(0.097)\n"
    )
    start(target, [sys.executable, "-I", "-S", "-c", moments])
    fault = FdExhaustion(leave=4)
    with fault.inject(target) as injection:
        hold(target, injection, 2.0)
    assert fault.delivered(target.samples).landed
    met = fault.met(target.samples)
    assert (met.count, met.enough) == (None, True), met.why
    assert "took of the 4 descriptors left" in met.why


def test_who_takes_none_has_not_met_it(target: LocalTarget) -> None:
    start(
        target, [sys.executable, "-I", "-S", "-c", "import os, time\nos.write(1, b'up\\n')\ntime.sleep(60)"]
    )
    fault = FdExhaustion(leave=4)
    with fault.inject(target) as injection:
        hold(target, injection, 1.0)
    met = fault.met(target.samples)
    assert (met.count, met.enough) == (0, False), met.why
