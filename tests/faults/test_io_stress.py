"""Real writes: on a real disk where the repository lies on one, and on a tmpfs, which says that it is none."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.errors import InjectionError
from chaos.faults.io_stress import IoStress
from chaos.faults.linux.mounts import mount_of
from chaos.faults.support.base import Injection
from tests.faults.target import ROOT, LocalTarget

MIB = 2.0**20
MEMORY = "/dev/shm"


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget() as target:
        yield target


def hold(target: LocalTarget, injection: Injection, seconds: float) -> None:
    """What the agent does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        target.wait(injection.every_s)
        if (sample := injection.observe()) is not None:
            target.measured(**sample)


@pytest.mark.parametrize("rate", [5 * MIB, 20 * MIB])
@pytest.mark.parametrize("read_share", [0.0, 0.5])
@pytest.mark.parametrize("path", [MEMORY, str(ROOT)])
def test_the_kernel_counts_what_was_asked(
    target: LocalTarget, path: str, rate: float, read_share: float
) -> None:
    in_memory = mount_of(path).in_memory
    fault = IoStress(path=path, rate=rate, read_share=read_share)
    with fault.inject(target) as injection:
        assert injection.kind == ("emulated" if in_memory else "real")
        assert ("why_emulated" in injection.notes) is in_memory
        hold(target, injection, 2)
        names = list(Path(path).glob(".chaoslab*"))
    assert names == []
    delivered = fault.delivered(target.samples)
    print(f"{path}: {delivered.why}, before {injection.notes['fsync_before_ms']} ms")
    assert delivered.landed, delivered.why
    assert set(injection.asked) <= set(delivered.values)


def test_no_bytes_move_after_exit_and_none_stay(target: LocalTarget) -> None:
    with IoStress(path=MEMORY).inject(target):
        held = used()
    [helper] = target.helpers
    assert helper.poll() is not None
    assert used() < held - 8 * MIB


def test_a_lost_worker_has_landed_until_then(target: LocalTarget) -> None:
    fault = IoStress(path=MEMORY)
    with fault.inject(target) as injection:
        hold(target, injection, 0.6)
        os.kill(target.helpers[0].pid, signal.SIGKILL)
        target.helpers[0].wait()
        hold(target, injection, 0.3)
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why
    assert delivered.ended_early == "the end of its workers"
    assert "did not survive" in delivered.why


def test_a_rate_beyond_the_machine_did_not_land(target: LocalTarget) -> None:
    fault = IoStress(path=MEMORY, rate=20 * MIB)
    slow = [{"bytes_per_s": 15 * MIB, "fsync_ms": 1.0}] * 8
    delivered = fault.delivered(slow)
    assert not delivered.landed
    assert "gives no more" in delivered.why


def test_a_killed_holder_ends_it() -> None:
    call = "import tests.faults.test_io_stress as here; here.hold_until_killed()"
    holder = subprocess.Popen([sys.executable, "-c", call], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    helper = int(holder.stdout.readline())
    holder.kill()
    holder.wait()
    holder.stdout.close()
    died = time.monotonic()
    while Path(f"/proc/{helper}").exists() and state(helper) != "Z":
        assert time.monotonic() < died + 1, "promised by ends_with = agent"


def hold_until_killed() -> None:
    with LocalTarget() as target, IoStress(path=MEMORY).inject(target):
        print(target.helpers[0].pid, flush=True)
        target.wait(60)


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"path": "tmp"}, "absolute"),
        ({"workers": 0}, "between 1 and 32"),
        ({"rate": 2.0**31}, "at most 1GiB"),
    ],
)
def test_bad_fields_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        IoStress(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/no/such/folder", "/proc"])
def test_where_nothing_can_be_written_is_refused(target: LocalTarget, path: str) -> None:
    with pytest.raises(InjectionError, match=f"cannot keep {path} busy"):
        IoStress(path=path).inject(target).__enter__()


def used() -> int:
    seen = os.statvfs(MEMORY)
    return (seen.f_blocks - seen.f_bfree) * seen.f_frsize
