"""Real throttling of a real device, in a control group of the test's own; elsewhere the reason why there is none."""

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.errors import InjectionError
from chaos.faults.io_throttle import IoThrottle
from chaos.faults.linux.blkio import BlkioLimits, limits_for
from chaos.faults.linux.mounts import Mount, mount_of
from chaos.faults.support.base import Injection
from chaos.faults.support.disk_demand import Moves, file_to_read
from tests.faults.target import ROOT, LocalTarget

KIB, MIB = 2.0**10, 2.0**20
V1 = Path("/sys/fs/cgroup/blkio")
USR = mount_of("/usr")


class GroupTarget(LocalTarget):
    """With a control group for block devices, when this user may make one."""

    group: Path | None = None

    def cgroup(self, controller: str) -> Path | None:
        return self.group if controller == "blkio" else None


@pytest.fixture
def target() -> Iterator[GroupTarget]:
    with GroupTarget() as target:
        target.group = new_group()
        try:
            yield target
        finally:
            remove(target.group)


def new_group() -> Path | None:
    """A group of our own under cgroup v1; None for who may not make one."""
    group = V1 / f"chaoslab-test-{os.getpid()}"
    if not V1.is_dir() or not os.access(V1, os.W_OK):
        return None
    group.mkdir(exist_ok=True)
    return group


def remove(group: Path | None) -> None:
    until = time.monotonic() + 2
    while group is not None and group.exists():
        try:
            group.rmdir()
        except OSError:
            assert time.monotonic() < until, "its processes are gone within moments"


def can(target: GroupTarget) -> bool:
    """Whether this machine can do it at all; where not, the fault must say why."""
    if target.group is not None and USR.device[:2] != "0:":
        return True
    with pytest.raises(InjectionError, match=r"control group|block device"):
        IoThrottle().inject(target).__enter__()
    return False


def hold(target: LocalTarget, injection: Injection, looks: int) -> None:
    for _ in range(looks):
        if (sample := injection.observe()) is not None:
            target.measured(**sample)


@pytest.mark.parametrize("rate", [256 * KIB, 1 * MIB, 4 * MIB])
def test_reads_of_the_group_are_as_slow_as_asked(target: GroupTarget, rate: float) -> None:
    if not can(target):
        return
    fault = IoThrottle(read=rate)
    with fault.inject(target) as injection:
        assert (injection.mechanism, injection.kind) == ("blkio-throttle", "real")
        assert injection.asked == {"read_bytes_per_s": rate}
        hold(target, injection, 4)
    assert target.group is not None
    assert limits_for(target.group, USR).get("read") is None
    delivered = fault.delivered(target.samples)
    print(delivered.why, injection.notes["before_bytes_per_s"])
    assert delivered.landed, delivered.why
    assert set(delivered.values) == {"read_bytes_per_s"}


def test_direct_writes_are_as_slow_as_asked(target: GroupTarget) -> None:
    if not can(target):
        return
    if mount_of(str(ROOT)).in_memory:
        with pytest.raises(InjectionError, match="never throttles"):
            IoThrottle(path=str(ROOT), write=MIB).inject(target).__enter__()
        return
    fault = IoThrottle(path=str(ROOT), write=1 * MIB)
    with fault.inject(target) as injection:
        assert injection.asked == {"write_bytes_per_s": MIB}
        hold(target, injection, 3)
    delivered = fault.delivered(target.samples)
    print(delivered.why)
    assert delivered.landed, delivered.why


def test_a_killed_holder_leaves_no_limit(target: GroupTarget) -> None:
    if not can(target):
        return
    assert target.group is not None
    call = "import sys, tests.faults.test_io_throttle as here; here.hold_until_killed(sys.argv[1])"
    holder = subprocess.Popen(
        [sys.executable, "-c", call, str(target.group)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"slow\n"
    limits = limits_for(target.group, USR)
    assert limits.get("read") == MIB
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    died = time.monotonic()
    while limits.get("read") is not None or any(each.is_dir() for each in target.group.iterdir()):
        assert time.monotonic() < died + 1, "promised by ends_with = agent"


def hold_until_killed(group: str) -> None:
    with GroupTarget() as target:
        target.group = Path(group)
        with IoThrottle(read=MIB).inject(target):
            print("slow", flush=True)
            target.wait(60)


def test_without_a_control_group_it_says_so() -> None:
    with GroupTarget() as target, pytest.raises(InjectionError, match=r"control group|block device"):
        IoThrottle().inject(target).__enter__()


def test_a_tmpfs_is_refused(target: GroupTarget) -> None:
    with pytest.raises(InjectionError, match="no device is behind /dev/shm: it is a tmpfs"):
        IoThrottle(path="/dev/shm").inject(target).__enter__()


def test_a_file_system_without_one_device_is_refused(tmp_path: Path) -> None:
    overlay = Mount(1, "0:77", "/", ("rw",), "overlay")
    with pytest.raises(InjectionError, match="not on one block device"):
        limits_for(tmp_path, overlay)


def test_the_unified_hierarchy_is_written_and_read(tmp_path: Path) -> None:
    """The file formats of cgroup v2 (io.max, io.stat), which this machine may not have."""
    (tmp_path / "cgroup.controllers").write_text("io memory")
    (tmp_path / "io.max").write_text("8:16 rbps=2097152 wbps=max riops=max wiops=120\n")
    (tmp_path / "io.stat").write_text("8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353\n")
    limits = BlkioLimits(tmp_path, "8:16")
    assert limits.mechanism == "io.max"
    assert (limits.get("read"), limits.get("write")) == (2097152, None)
    assert (limits.moved("read"), limits.moved("write")) == (1459200, 314773504)
    limits.count("read")
    assert (tmp_path / "io.max").read_text() == "8:16 rbps=2097152", (
        "what there is, so that its counters are made"
    )
    limits.set("write", 4096)
    assert (tmp_path / "io.max").read_text() == "8:16 wbps=4096"
    assert limits.restored_by("read", None)[-3:-1] == ["8:16 rbps=max", str(tmp_path / "io.max")]


def test_a_group_of_v1_without_a_limit_gets_one_that_nobody_feels_so_that_it_is_counted(
    tmp_path: Path,
) -> None:
    """Kernels before 6.5 count nothing for it, so that a disk seemed to give 0 KiB/s."""
    for name in ("read_bps_device", "write_bps_device", "io_service_bytes"):
        (tmp_path / f"blkio.throttle.{name}").write_text("8:16 4096\n" if name.startswith("write") else "")
    limits = BlkioLimits(tmp_path, "8:16")
    limits.count("read")
    assert limits.get("read") == 2**40
    limits.count("write")
    assert limits.get("write") == 4096


@pytest.mark.parametrize(
    ("fields", "why"), [({"path": "usr"}, "absolute"), ({"read": 100.0}, "at least 64KiB a second")]
)
def test_bad_fields_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        IoThrottle(**fields)  # type: ignore[arg-type]


def test_an_app_that_waits_in_line_does_not_disturb_the_measuring(target: GroupTarget) -> None:
    """Eight readers of the app ask for far more than they get."""
    if not can(target):
        return
    assert target.group is not None
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tests.faults.test_io_throttle import read_greedily"
    )
    for number in range(8):
        argv = [sys.executable, "-c", f"{code}; read_greedily()", str(ROOT)]
        reader = target.start(f"reader-{number}", argv)
        (target.group / "cgroup.procs").write_text(str(reader.pid))
    fault = IoThrottle(read=256 * KIB)
    with fault.inject(target) as injection:
        hold(target, injection, 3)
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why
    for reader in target.children.values():
        reader.kill()
        reader.wait()


def read_greedily() -> None:
    file, size = file_to_read("/usr")
    block = mmap.mmap(-1, 2**16)
    while True:
        for at in range(0, size - len(block), len(block)):
            os.preadv(file, [block], at)


@pytest.mark.parametrize(
    ("moved", "looks"),
    [
        (
            lambda at: at // 500 * 64 * KIB,
            2400,
        ),  # whole pages of 64 KiB: in half a second there is one, two or none
        (lambda at: (at // 100 + min(at % 100, 15) / 15) * 12.8 * KIB, 560),  # the kernel's slices
        (lambda at: at // 8 * 1.024 * KIB, 560),  # a stream
    ],
    ids=["pages", "slices", "stream"],
)
def test_what_is_moved_at_once_is_not_cut_in_two(moved: Callable[[int], float], looks: int) -> None:
    """All are 128 KiB a second."""
    moves = Moves()
    for at in range(57, looks, 5):
        moves.look(at / 1000, int(moved(at)))
    assert moves.enough
    assert moves.rate() == pytest.approx(128 * KIB, rel=0.04)


def test_what_hardly_moves_has_the_rate_of_the_whole_time() -> None:
    moves = Moves()
    moves.look(0.0, 0)
    moves.look(1.0, 100)
    assert (moves.enough, moves.rate()) == (False, 100)


@pytest.mark.parametrize(("seen", "landed"), [(1.05, True), (1.2, False), (0.5, False)])
def test_what_counts_as_landed(seen: float, landed: bool) -> None:
    assert IoThrottle(read=MIB).delivered([{"read": seen * MIB}] * 4).landed is landed
