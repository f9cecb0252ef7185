"""Real CPU time, by the burners' own clocks and by the control group's account."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.errors import InjectionError
from chaos.faults.cpu_stress import CpuStress
from chaos.faults.process.tree import look
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.holding import hold
from tests.faults.target import LocalTarget

pytestmark = pytest.mark.alone

MAY_GROUP = os.geteuid() == 0


@pytest.fixture(params=[True, False] if MAY_GROUP else [False], ids=lambda grouped: f"groups={grouped}")
def target(request: pytest.FixtureRequest) -> Iterator[LocalTarget]:
    with LocalTarget(with_cgroups=request.param) as target:
        target.start("app", ["sleep", "60"])
        yield target


@pytest.mark.parametrize(("cores", "load"), [(1, 0.2), (1, 0.5), (None, 0.8), (None, 1.0)])
def test_each_core_gets_the_load_that_was_asked_for(
    target: LocalTarget, cores: int | None, load: float
) -> None:
    fault = CpuStress(cores=cores, load=load)
    began = time.monotonic()
    with fault.inject(target) as injection:
        on_s = time.monotonic() - began
        assert injection.asked["cores"] == (cores or len(os.sched_getaffinity(0)))
        hold(target, injection, 1.5)
        ending = time.monotonic()
    off_s = time.monotonic() - ending
    delivered = fault.delivered(target.samples)
    print(f"\n{delivered.why}; {delivered.values}; on {on_s * 1000:.0f} ms, off {off_s * 1000:.0f} ms")
    assert delivered.landed, delivered.why
    assert ("control group" in delivered.why) == (target.groups is not None)
    had = float(delivered.values["load_percent"]) + float(delivered.values["waited_percent"])
    assert had >= load * 100 - 3, "what it did not get it waited for: this machine has other work to do"
    assert float(delivered.values["load_percent"]) <= load * 100 + 3


def test_burners_are_ordinary_neighbours_and_end_with_the_fault(target: LocalTarget) -> None:
    with CpuStress(cores=1).inject(target) as injection:
        [pid] = injection.notes["burners"]
        assert os.getpriority(os.PRIO_PROCESS, pid) == 0
        assert os.getsid(pid) == pid
    assert look(pid) is None


def test_when_the_agent_is_killed_nothing_burns() -> None:
    with subprocess.Popen(["sleep", "60"]) as app:
        try:
            with injected_elsewhere({"type": "cpu_stress", "cores": 1}, app.pid) as agent:
                [burner] = children(agent.pid)
                agent.kill()
                agent.wait()
                took_s = seconds_until(lambda: look(burner) is None)
                print(f"\nnobody burns {took_s * 1000:.1f} ms after the agent's SIGKILL")
                assert took_s <= WITHIN_S
        finally:
            app.kill()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_what_waiting_for_a_core_explains_has_landed_and_idleness_has_not() -> None:
    fault = CpuStress(cores=1, load=1.0)
    busy = [{"cpu_percent": 85.0 + shake, "waited_percent": 14.0, "cores": 1} for shake in (-1, 0, 1)]
    assert fault.delivered(busy).landed
    starved = [{**look, "cpu_percent": 60.0, "waited_percent": 39.0} for look in busy]
    assert not fault.delivered(starved).landed
    idle = [{**look, "waited_percent": 0.0} for look in busy]
    assert not fault.delivered(idle).landed
    outside = [{**look, "group_percent": 5.0} for look in busy]
    assert "they are not in it" in fault.delivered(outside).why
    assert not fault.delivered(outside).landed


def test_cores_that_are_not_there_are_an_injection_error(target: LocalTarget) -> None:
    with pytest.raises(InjectionError, match="64 cores cannot be stressed: this sandbox may use"):
        CpuStress(cores=64).inject(target).__enter__()


@pytest.mark.parametrize(
    ("fields", "why"), [({"cores": 0}, "between 1 and 64"), ({"load": 0.0}, "at least 1%")]
)
def test_stress_that_is_none_is_refused(fields: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        CpuStress(**fields)  # type: ignore[arg-type]
