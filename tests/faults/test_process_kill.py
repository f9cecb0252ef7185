"""Real processes, really killed, and seen to die."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest

from chaos.errors import InjectionError
from chaos.faults.process_kill import ProcessKill
from chaos.faults.support.base import Injection
from tests.faults.target import LocalTarget

SLEEPER = ["sleep", "60"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget() as target:
        yield target


def look_until(
    target: LocalTarget, injection: Injection, enough: Callable[[], bool], within_s: float
) -> None:
    """What the agent does while it holds a fault: look every `every_s`, journal what was seen."""
    until = time.monotonic() + within_s
    while not enough():
        assert time.monotonic() < until, f"not within {within_s} s: {target.samples}"
        if (sample := injection.observe()) is not None:
            target.measured(**sample)
        target.wait(injection.every_s)


def test_kills_the_named_process_and_sees_it_die(target: LocalTarget) -> None:
    bystander, victim = target.start("inventory", SLEEPER), target.start("web", SLEEPER)
    fault = ProcessKill(process="web")
    with fault.inject(target) as injection:
        assert victim.wait(timeout=5) == -signal.SIGKILL
        look_until(target, injection, lambda: bool(target.samples), within_s=2)
    [sample] = target.samples
    assert (sample["killed_pid"], sample["signal"]) == (victim.pid, "SIGKILL")
    assert bystander.poll() is None
    assert injection.asked == {"kills": 1.0}
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why
    assert (delivered.values["kills"], delivered.low, delivered.high) == (1.0, 1.0, 1.0)
    assert delivered.values["seen_ms"] == sample["died_ms"]


def test_death_is_seen_within_20_ms(target: LocalTarget) -> None:
    for _ in range(20):
        target.start("web", SLEEPER)
        with ProcessKill(process="web").inject(target) as injection:
            look_until(target, injection, lambda: not target.pids(), within_s=2)
        target.children["web"].wait(timeout=5)
        target.children["web"].stdout.close()  # type: ignore[union-attr]
    seen = [sample["seen_ms"] for sample in target.samples]
    assert len(seen) == 20
    print(f"seen_ms median {median(seen):.2f}, max {max(seen):.2f}")
    assert median(seen) <= 20


def test_without_a_name_any_of_the_processes_may_be_hit(target: LocalTarget) -> None:
    hit = set()
    for _ in range(12):
        for name in ("inventory", "web"):
            if not target.pids(name):
                target.start(name, SLEEPER)
        with ProcessKill().inject(target):
            pass
        pid = target.samples[-1]["killed_pid"]
        [(name, child)] = [(name, child) for name, child in target.children.items() if child.pid == pid]
        child.wait(timeout=5)
        child.stdout.close()  # type: ignore[union-attr]
        hit.add(name)
    assert hit == {"inventory", "web"}


def test_repeats_and_waits_for_who_comes_back(target: LocalTarget) -> None:
    victims: list[subprocess.Popen[bytes]] = [target.start("web", SLEEPER)]
    fault = ProcessKill(process="web", every=0.2)

    def kills() -> int:
        if not target.pids("web") and len(victims) < 4:
            target.children["web"].stdout.close()  # type: ignore[union-attr]
            victims.append(target.start("web", SLEEPER))
        return sum(1 for sample in target.samples if sample["killed_pid"] is not None)

    with fault.inject(target) as injection:
        assert injection.asked == {"every_s": 0.2}
        look_until(target, injection, lambda: kills() >= 4, within_s=5)
    assert [sample["killed_pid"] for sample in target.samples] == [victim.pid for victim in victims]
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why
    assert delivered.values["kills"] == 4
    assert delivered.values["every_s"] == pytest.approx(0.2, abs=0.1)


def test_says_once_that_nobody_came_back(target: LocalTarget) -> None:
    target.start("web", SLEEPER)
    fault = ProcessKill(process="web", every=0.05)
    with fault.inject(target) as injection:
        look_until(target, injection, lambda: len(target.samples) > 1, within_s=2)
        assert [injection.observe() for _ in range(3)] == [None, None, None]
    delivered = fault.delivered(target.samples)
    assert delivered.landed, "the kill itself did land"
    assert "no process had come back" in delivered.why


def test_an_ignored_signal_did_not_land(target: LocalTarget) -> None:
    victim = target.start("web", STUBBORN)
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"up\n"
    fault = ProcessKill(process="web", signal="SIGTERM")
    with fault.inject(target) as injection:
        look_until(target, injection, lambda: bool(target.samples), within_s=8)
    delivered = fault.delivered(target.samples)
    assert not delivered.landed
    assert f"pid {victim.pid} was still alive 5." in delivered.why
    assert "SIGTERM" in delivered.why


def test_a_hold_that_ends_first_tells_what_it_saw(target: LocalTarget) -> None:
    victim = target.start("web", STUBBORN)
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"up\n"
    with ProcessKill(signal="SIGTERM").inject(target):
        pass
    [sample] = target.samples
    assert (sample["killed_pid"], sample["seen_ms"]) == (victim.pid, None)


def test_nobody_to_kill_is_an_injection_error(target: LocalTarget) -> None:
    target.start("web", SLEEPER)
    with pytest.raises(InjectionError, match="no live process inventory to kill; known: web"):
        ProcessKill(process="inventory").inject(target).__enter__()
