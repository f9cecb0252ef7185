"""Real limits of a control group, met by a process that takes memory when told to; and the agent's own, without one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from chaos.agent.budget import Budget
from chaos.faults.memory_limit import MemoryLimit
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.holding import hold
from tests.faults.target import LocalTarget

MIB = 2**20
SANDBOX = 128 * MIB
APP = [
    sys.executable, "-I", "-S", "-c",
    "import os, signal\n"
    "kept = []\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"  # waited for: none comes between two looks
    "os.write(1, b'up\\n')\n"
    "while signal.sigwait([signal.SIGUSR1]):\n"
    "    kept.append(bytearray(b'x' * (4 * 2**20)))\n"
    "    os.write(1, b'took\\n')\n",
]  # fmt: skip
"""Takes 4 MiB more on every SIGUSR1."""

needs_groups = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may make a control group on every machine"
)


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget(with_cgroups=True, memory_limit_bytes=SANDBOX) as target:
        yield target


def start(target: LocalTarget, pieces: int = 0) -> "subprocess.Popen[bytes]":
    """The app, holding so many pieces of 4 MiB."""
    app = target.start("app", APP)
    assert app.stdout is not None
    assert app.stdout.readline() == b"up\n"
    for _ in range(pieces):
        app.send_signal(signal.SIGUSR1)
        assert app.stdout.readline() == b"took\n"
    return app


def limit_of(target: LocalTarget) -> int:
    group = target.cgroup("memory")
    assert group is not None
    file = next(f for name in ("memory.limit_in_bytes", "memory.max") if (f := group / name).exists())
    return int(file.read_text())


@needs_groups
def test_whoever_has_room_lives_under_the_new_limit_and_gets_the_old_one_back(target: LocalTarget) -> None:
    app = start(target, pieces=2)
    fault = MemoryLimit(limit=0.5)
    began = time.monotonic()
    with fault.inject(target) as injection:
        on_s = time.monotonic() - began
        assert injection.asked == {"limit_bytes": SANDBOX / 2}
        assert limit_of(target) == SANDBOX / 2
        hold(target, injection, 0.6)
        ending = time.monotonic()
    off_s = time.monotonic() - ending
    assert limit_of(target) == SANDBOX
    delivered = fault.delivered(target.samples)
    print(f"\n{delivered.why}; on {on_s * 1000:.1f} ms, off {off_s * 1000:.1f} ms")
    assert delivered.landed, delivered.why
    assert delivered.values == {"limit_bytes": SANDBOX / 2}
    assert app.poll() is None


@needs_groups
def test_whoever_grows_beyond_it_is_ended_by_the_kernel(target: LocalTarget) -> None:
    app = start(target)
    fault = MemoryLimit(limit=0.25)
    with fault.inject(target) as injection:
        hold(target, injection, 0.4)
        while app.poll() is None:
            app.send_signal(signal.SIGUSR1)
            hold(target, injection, 0.02)
        assert app.returncode == -signal.SIGKILL
        hold(target, injection, 0.1)
    delivered = fault.delivered(target.samples)
    print(f"\n{delivered.why}")
    assert delivered.landed, delivered.why
    assert target.samples[-1]["kills"] == 1


@needs_groups
def test_whoever_holds_more_already_is_ended_at_the_next_page(target: LocalTarget) -> None:
    app = start(target, pieces=15)
    fault = MemoryLimit(limit=0.25)
    with fault.inject(target) as injection:
        until = time.monotonic() + 5
        while app.poll() is None:
            assert time.monotonic() < until
            app.send_signal(signal.SIGUSR1)
            hold(target, injection, 0.02)
        hold(target, injection, 0.6)
        assert limit_of(target) == SANDBOX // 4
    delivered = fault.delivered(target.samples)
    print(f"\n{delivered.why}")
    assert delivered.landed, delivered.why


@needs_groups
def test_whoever_holds_more_and_asks_for_no_page_keeps_it_from_landing(target: LocalTarget) -> None:
    app = start(target, pieces=15)
    fault = MemoryLimit(limit=0.25)
    with fault.inject(target) as injection:
        hold(target, injection, 0.6)
        ended = app.poll() is not None  # a control group v2 does not wait
    assert fault.delivered(target.samples).landed == ended
    assert ended or "lowers no limit below that" in fault.delivered(target.samples).why
    assert limit_of(target) == SANDBOX


@needs_groups
def test_when_the_agent_is_killed_the_old_limit_is_back(target: LocalTarget) -> None:
    app = start(target)
    with injected_elsewhere({"type": "memory_limit", "limit": 0.1}, app.pid, target.groups) as agent:
        assert limit_of(target) < SANDBOX
        agent.kill()
        agent.wait()
        took_s = seconds_until(lambda: limit_of(target) == SANDBOX)
        print(f"\nthe old limit {took_s * 1000:.1f} ms after the agent's SIGKILL")
        assert took_s <= WITHIN_S


def test_without_a_control_group_the_agent_enforces_it() -> None:
    with LocalTarget(memory_limit_bytes=SANDBOX) as target:
        app = start(target, pieces=10)
        budget = target.memory = Budget(SANDBOX, target.pids, target.work)
        fault = MemoryLimit(limit=0.25)
        with fault.inject(target) as injection:
            assert injection.kind == "emulated"
            hold(target, injection, 0.5)
            assert budget.enforce() is not None
            assert app.wait(5) == -signal.SIGKILL
        assert budget.enforced_bytes == SANDBOX
        assert fault.delivered(target.samples).landed


@pytest.mark.parametrize("limit", [0.0, 1.0])
def test_a_limit_that_is_none_or_everything_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="at least 1% and below 100%"):
        MemoryLimit(limit=limit)
