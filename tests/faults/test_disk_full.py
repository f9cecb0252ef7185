"""A real tmpfs, really full: each case runs in a mount namespace of its own, because it mounts one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.errors import InjectionError
from chaos.faults.disk_full import DiskFull
from tests.faults.target import ROOT, LocalTarget, in_own_network

PAGE = os.sysconf("SC_PAGE_SIZE")
SIZE = 64 * 2**20


def leaves_exactly(leave: int) -> None:
    with small_disk() as disk, LocalTarget() as target:
        before = free(disk)
        fault = DiskFull(path=str(disk), leave=leave)
        with fault.inject(target) as injection:
            assert injection.asked == {"left_bytes": leave}
            assert (injection.mechanism, injection.kind) == ("allocated-file", "real")
            assert list(disk.iterdir()) == [], "the fill has no name to trip over, or to forget"
            samples = [injection.observe() for _ in range(7)]
            written = write_until_full(disk / "app.log")
            full_ms = injection.notes["full_ms"]
        assert abs(written - leave) <= PAGE
        assert free(disk) == before
        delivered = fault.delivered([sample for sample in samples if sample is not None])
        assert delivered.landed, delivered.why
        assert abs(float(delivered.values["left_bytes"]) - leave) < PAGE
        print(
            f"asked {leave} B, left {delivered.values['left_bytes']} B, written {written} B, full for {full_ms} ms"
        )


def leaves_nothing() -> None:
    leaves_exactly(0)


def leaves_one_mebibyte() -> None:
    leaves_exactly(2**20)


def leaves_a_crooked_number() -> None:
    leaves_exactly(10_000)


def takes_again_what_the_app_frees() -> None:
    with small_disk() as disk, LocalTarget() as target:
        kept = disk / "orders.log"
        kept.write_bytes(b"x" * 10 * 2**20)
        fault = DiskFull(path=str(disk), leave=2**20)
        with fault.inject(target) as injection:
            assert kept.stat().st_size == 10 * 2**20, "the app's own files are never touched"
            kept.unlink()
            assert observed(injection.observe) == 11 * 2**20
            assert observed(injection.observe) == 2**20
        assert free(disk) == SIZE


def what_the_app_writes_is_its_own() -> None:
    with small_disk() as disk, LocalTarget() as target:
        fault = DiskFull(path=str(disk), leave=2**20)
        with fault.inject(target) as injection:
            (disk / "app.log").write_bytes(b"x" * 600_000)
            samples = [injection.observe() for _ in range(6)]
        delivered = fault.delivered([sample for sample in samples if sample is not None])
        assert delivered.landed, delivered.why
        assert delivered.values == {"left_bytes": 2**20}
        assert "the app wrote into it, down to 446464 B free" in delivered.why


def an_already_full_disk_is_an_injection_error() -> None:
    with small_disk() as disk, LocalTarget() as target:
        (disk / "data").write_bytes(b"x" * (SIZE - 50_000))
        with pytest.raises(InjectionError, match="less than the 1MiB to leave"):
            DiskFull(path=str(disk)).inject(target).__enter__()
        assert free(disk) > 40_000, "nothing stays behind"


def a_tmpfs_beyond_the_memory_budget_is_refused() -> None:
    refused = pytest.raises(InjectionError, match=r"takes 66 MB of memory .*only 17 MB")
    with small_disk() as disk, LocalTarget(memory_limit_bytes=16 * 2**20) as target, refused:
        DiskFull(path=str(disk)).inject(target).__enter__()


def a_killed_holder_leaves_nothing() -> None:
    with small_disk() as disk:
        call = "import sys, tests.faults.test_disk_full as here; here.hold_until_killed(sys.argv[1])"
        holder = subprocess.Popen([sys.executable, "-c", call, str(disk)], cwd=ROOT, stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"full\n"
        assert free(disk) == 0
        holder.kill()
        holder.wait()
        holder.stdout.close()
        assert free(disk) == SIZE
        assert list(disk.iterdir()) == []


def hold_until_killed(disk: str) -> None:
    with LocalTarget() as target, DiskFull(path=disk, leave=0).inject(target):
        print("full", flush=True)
        target.wait(60)


CASES: list[Callable[[], None]] = [
    leaves_nothing,
    leaves_one_mebibyte,
    leaves_a_crooked_number,
    takes_again_what_the_app_frees,
    what_the_app_writes_is_its_own,
    an_already_full_disk_is_an_injection_error,
    a_tmpfs_beyond_the_memory_budget_is_refused,
    a_killed_holder_leaves_nothing,
]


@pytest.mark.parametrize("case", [case.__name__ for case in CASES])
def test_on_a_real_tmpfs(case: str) -> None:
    print(in_own_network(f"{__name__}:{case}"), end="")


def test_a_large_disk_is_refused_with_numbers(tmp_path: Path) -> None:
    here = os.statvfs(ROOT)
    free_bytes = here.f_bfree * here.f_frsize
    assert free_bytes > 600_000_000, "these tests need a disk with 600 MB free"
    with LocalTarget() as target, pytest.raises(InjectionError, match=r"takes \d+ MB.*(500 MB|memory)"):
        DiskFull(path=str(ROOT)).inject(target).__enter__()


@pytest.mark.parametrize("path", ["/no/such/folder", "/proc"])
def test_a_path_that_cannot_be_filled_says_why(path: str) -> None:
    with LocalTarget() as target, pytest.raises(InjectionError, match=f"cannot fill {path}|had only"):
        DiskFull(path=path, leave=0).inject(target).__enter__()


def test_no_look_no_landing() -> None:
    delivered = DiskFull().delivered([])
    assert not delivered.landed
    assert "looked at 0 times" in delivered.why


def test_too_much_free_did_not_land() -> None:
    delivered = DiskFull(leave=0).delivered([{"free_bytes": 2 * PAGE, "left_bytes": 2 * PAGE}] * 6)
    assert not delivered.landed


@contextmanager
def small_disk() -> Iterator[Path]:
    """64 MiB of tmpfs over /mnt, seen by this process and its children only."""
    disk = Path("/mnt")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def free(disk: Path) -> int:
    seen = os.statvfs(disk)
    return seen.f_bavail * seen.f_frsize


def observed(observe: Callable[[], object]) -> float:
    sample = observe()
    assert isinstance(sample, dict)
    return float(sample["free_bytes"])


def write_until_full(path: Path) -> int:
    """Bytes that could really be written to a new file; the file is removed."""
    with pytest.raises(OSError, match="No space left on device"):
        path.write_bytes(b"x" * SIZE)
    written = path.stat().st_size
    path.unlink()
    return written
