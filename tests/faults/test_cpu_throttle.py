"""Real limits on real burners: by the kernel's quota where there is a control group, else by stopping."""

import os
import sys
import time
from collections.abc import Iterator

import pytest

from chaos.errors import InjectionError
from chaos.faults.cpu_throttle import CpuThrottle
from chaos.faults.process.tree import cpu_s, halted
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.holding import hold
from tests.faults.target import LocalTarget

pytestmark = pytest.mark.paired

MAY_GROUP = os.geteuid() == 0
HUNGRY = [sys.executable, "-I", "-S", "-c", "while True: pass"]


@pytest.fixture(params=[True, False] if MAY_GROUP else [False], ids=lambda grouped: f"groups={grouped}")
def target(request: pytest.FixtureRequest) -> Iterator[LocalTarget]:
    with LocalTarget(with_cgroups=request.param) as target:
        yield target


@pytest.mark.parametrize("cpu", [0.05, 0.2])
@pytest.mark.parametrize("app", [["sleep", "60"], HUNGRY], ids=["idle", "hungry"])
def test_the_app_gets_as_much_as_asked(target: LocalTarget, cpu: float, app: list[str]) -> None:
    child = target.start("app", app)
    fault = CpuThrottle(cpu=cpu)
    with fault.inject(target) as injection:
        assert injection.asked == {"cpu_percent": cpu * 100}
        assert injection.kind == ("real" if target.groups else "emulated")
        hold(target, injection, 1.2)
        used_s, since = cpu_s([child.pid]), time.monotonic()
        hold(target, injection, 1.0)
        alone = (cpu_s([child.pid]) - used_s) / (time.monotonic() - since)
    delivered = fault.delivered(target.samples)
    print(
        f"\n{injection.mechanism}: {delivered.why}, interval {delivered.low} to {delivered.high}; alone {alone:.3f}"
    )
    assert delivered.landed, delivered.why
    if app == HUNGRY:  # by the app's own CPU clock, when our burner is done; a busy machine may give it less
        assert alone <= cpu + 0.03


def test_it_is_over_at_the_exit(target: LocalTarget) -> None:
    child = target.start("app", HUNGRY)
    group = target.cgroup("cpu")
    before = group and (group / "cpu.cfs_quota_us").read_text()
    with CpuThrottle(cpu=0.05).inject(target) as injection:
        hold(target, injection, 0.3)
        assert group is None or (group / "cpu.cfs_quota_us").read_text() == "5000\n"
    assert group is None or (group / "cpu.cfs_quota_us").read_text() == before
    used_s = cpu_s([child.pid])
    seconds_until(lambda: cpu_s([child.pid]) - used_s > 0.03)  # in 5 s it had but 0.25 s before
    assert not halted(child.pid)


def test_when_the_agent_is_killed_the_limit_goes(target: LocalTarget) -> None:
    child = target.start("app", HUNGRY)
    group = target.cgroup("cpu")
    with injected_elsewhere({"type": "cpu_throttle", "cpu": 0.05}, child.pid, target.groups) as agent:
        agent.kill()
        agent.wait()
        took_s = seconds_until(
            lambda: (
                not halted(child.pid) if group is None else (group / "cpu.cfs_quota_us").read_text() == "-1\n"
            )
        )
        print(f"\nno limit {took_s * 1000:.1f} ms after the agent's SIGKILL")
        assert took_s <= WITHIN_S


def test_who_is_started_meanwhile_is_limited_too(target: LocalTarget) -> None:
    target.start("app", ["sleep", "60"])
    fault = CpuThrottle(cpu=0.1)
    with fault.inject(target) as injection:
        late = target.start("late", HUNGRY)
        hold(target, injection, 1.5)
        used_s, since = cpu_s([late.pid]), time.monotonic()
        hold(target, injection, 1.0)
        assert (cpu_s([late.pid]) - used_s) / (time.monotonic() - since) <= 0.15


def test_a_quota_that_somebody_lifts_has_not_landed() -> None:
    fault = CpuThrottle(cpu=0.2)
    full = [{"used_s": 0.02, "periods": 1, "throttled": 1}] * 6
    assert fault.delivered(full).landed
    assert not fault.delivered([*full, {"used_s": 0.1, "periods": 1, "throttled": 0, "lifted": True}]).landed
    assert "5 are needed" in fault.delivered(full[:2]).why


def test_a_limit_that_limits_nothing_is_an_injection_error(target: LocalTarget) -> None:
    with pytest.raises(InjectionError, match="changes nothing"):
        CpuThrottle(cpu=64.0).inject(target).__enter__()


def test_an_app_of_no_process_is_an_injection_error() -> None:
    with LocalTarget() as target, pytest.raises(InjectionError, match="no live process"):
        CpuThrottle(cpu=0.2).inject(target).__enter__()
