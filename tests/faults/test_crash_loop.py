"""Real processes, killed each time that somebody starts them again."""

import time
from collections.abc import Iterator

import pytest

from chaos.errors import InjectionError
from chaos.faults.crash_loop import CrashLoop
from chaos.faults.support.base import Delivered
from tests.faults.target import LocalTarget

SLEEPER = ["sleep", "60"]


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget() as target:
        target.start("web", SLEEPER)
        yield target


def carry_out(target: LocalTarget, fault: CrashLoop, hold_s: float, *, again: bool) -> Delivered:
    """What the agent does with it, its supervisor included: who ended is started again."""
    until = time.monotonic() + hold_s
    with fault.inject(target) as injection:
        while time.monotonic() < until:
            if (sample := injection.observe()) is not None:
                target.measured(**sample)
            for name, child in list(target.children.items()):
                if again and child.poll() is not None:
                    target.start(name, SLEEPER)
            target.wait(injection.every_s)
    return fault.delivered(target.samples)


@pytest.mark.parametrize("alive", [0.0, 0.2])
def test_every_life_is_as_short_as_asked(target: LocalTarget, alive: float) -> None:
    delivered = carry_out(target, CrashLoop(process="web", alive=alive), 1.0, again=True)
    print(f"\n{delivered.why}; {delivered.values}")
    assert delivered.landed, delivered.why
    assert float(delivered.values["alive_s"]) == pytest.approx(alive, abs=0.05)
    assert delivered.values["restarts"] == float(delivered.values["kills"]) - 1
    assert float(delivered.values["restarts"]) >= (3 if alive else 5)


def test_when_it_is_over_who_comes_back_lives(target: LocalTarget) -> None:
    carry_out(target, CrashLoop(), 0.2, again=True)
    child = target.children["web"]
    if child.poll() is not None:
        child = target.start("web", SLEEPER)
    target.wait(0.1)
    assert child.poll() is None


def test_without_a_name_every_process_is_hit_and_others_are_not(target: LocalTarget) -> None:
    target.start("inventory", SLEEPER)
    carry_out(target, CrashLoop(), 0.3, again=False)
    assert {sample["process"] for sample in target.samples} == {"web", "inventory"}
    assert target.pids() == []


def test_nobody_who_comes_back_is_a_landing_too(target: LocalTarget) -> None:
    delivered = carry_out(target, CrashLoop(), 0.2, again=False)
    assert delivered.landed
    assert "none came back" in delivered.why


def test_a_life_that_lasted_too_long_did_not_land() -> None:
    kill = {"killed_pid": 1, "lived_s": 0.0, "restarted": False}
    late = {"killed_pid": 2, "lived_s": 0.9, "restarted": True}
    assert not CrashLoop(alive=0.5).delivered([kill, late]).landed
    assert not CrashLoop().delivered([{**kill, "why": "pid 1 was still alive 2 s after SIGKILL"}]).landed


def test_nobody_to_kill_is_an_injection_error(target: LocalTarget) -> None:
    with pytest.raises(InjectionError, match="no live process api to kill; known: web"):
        CrashLoop(process="api").inject(target).__enter__()
