"""Faults that work by the app's control group, on an app that is not in it: nothing lands, whatever the files say."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from chaos.errors import InjectionError
from chaos.faults.cpu_throttle import CpuThrottle
from chaos.faults.io_throttle import IoThrottle
from chaos.faults.memory_limit import MemoryLimit
from chaos.faults.memory_pressure import MemoryPressure
from chaos.faults.pid_exhaustion import PidExhaustion
from chaos.faults.support.base import Fault
from tests.faults.holding import hold
from tests.faults.target import LocalTarget

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may make a control group on every machine"
)
MIB = 2**20
APP = ["/bin/sh", "-c", "echo up; exec sleep 60"]
FAULTS = [
    MemoryLimit(limit=0.5),
    MemoryPressure(fill=0.5, over=0.2),
    PidExhaustion(leave=4),
    CpuThrottle(cpu=0.5),
    IoThrottle(read=2.0**18),
]


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget(with_cgroups=True, memory_limit_bytes=128 * MIB) as target:
        yield target


def start_outside(target: LocalTarget) -> int:
    """An app that was started past the target's groups, as by a join that failed in silence."""
    app = subprocess.Popen(APP, stdout=subprocess.PIPE, start_new_session=True)
    target.children["app"] = app
    assert app.stdout is not None
    assert app.stdout.readline() == b"up\n"
    return app.pid


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.type))
def test_an_app_outside_is_refused(target: LocalTarget, fault: Fault) -> None:
    pid = start_outside(target)
    with (
        pytest.raises(InjectionError, match=rf"not in its control group \(pid {pid}\)"),
        fault.inject(target),
    ):
        pass


@pytest.mark.parametrize("fault", FAULTS[:3], ids=lambda fault: str(fault.type))
def test_an_app_that_leaves_meanwhile_takes_the_landing_with_it(target: LocalTarget, fault: Fault) -> None:
    app = target.start("app", APP)
    assert app.stdout is not None
    assert app.stdout.readline() == b"up\n"
    with fault.inject(target) as injection:
        hold(target, injection, 0.7)
        assert fault.delivered(target.samples).landed
        group = target.cgroup("memory")
        assert group is not None
        (group.resolve().parent / "cgroup.procs").write_text(str(app.pid))
        hold(target, injection, 1.2)
    delivered = fault.delivered(target.samples)
    assert not delivered.landed
    assert "1 of the app's processes were outside of its control group" in delivered.why
