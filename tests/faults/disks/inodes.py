"""A tmpfs whose inodes are used up, in a mount namespace of its own: the bodies of test_inode_exhaustion."""

import contextlib
import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from chaos.errors import InjectionError
from chaos.faults.inode_exhaustion import InodeExhaustion
from tests.faults.disks import DISK, raises, until
from tests.faults.target import ROOT, LocalTarget

INODES = 3000


def leaves_exactly(leave: int, mechanism: str = "remount-nr-inodes") -> None:
    with small_disk() as before, LocalTarget() as target:
        fault = InodeExhaustion(path=str(DISK), leave=leave)
        began = time.monotonic()
        with fault.inject(target) as injection:
            on_ms = (time.monotonic() - began) * 1000
            assert (injection.mechanism, injection.kind) == (mechanism, "real")
            assert injection.asked == {"left_inodes": leave}
            samples = [injection.observe() for _ in range(7)]
            made = make_files_until_none()
            (DISK / "there").write_bytes(b"x" * 100_000)  # bytes are free
            ending = time.monotonic()
        off_ms = (time.monotonic() - ending) * 1000
        assert made == leave
        assert (os.statvfs(DISK).f_files, os.statvfs(DISK).f_ffree + made) == before
        assert not list(DISK.glob(".chaoslab*"))
        delivered = fault.delivered([sample for sample in samples if sample is not None])
        assert delivered.landed, delivered.why
        assert delivered.values == {"left_inodes": leave}
        print(f"asked {leave}, made {made}; on {on_ms:.1f} ms, off {off_ms:.1f} ms; {delivered.why}")


def leaves_none() -> None:
    leaves_exactly(0)


def leaves_seventeen() -> None:
    leaves_exactly(17)


def with_files_where_the_limit_may_not_be_changed() -> None:
    """A mount of an outer namespace belongs to somebody else."""
    call = "import tests.faults.disks.inodes as here; here.with_files()"
    with small_disk():
        DISK.chmod(0o777)
        inside = ["unshare", "-Urm", sys.executable, "-c", call]
        done = subprocess.run(inside, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout, end="")


def with_files() -> None:
    before = os.statvfs(DISK).f_ffree
    with LocalTarget() as target, InodeExhaustion(path=str(DISK), leave=5).inject(target) as injection:
        assert injection.mechanism == "empty-files"
        samples = [injection.observe() for _ in range(7)]
        assert make_files_until_none() == 5
    assert os.statvfs(DISK).f_ffree == before - 5
    delivered = InodeExhaustion(path=str(DISK), leave=5).delivered([each for each in samples if each])
    assert delivered.landed, delivered.why
    print(f"{injection.notes}, {delivered.why}")


def takes_again_what_the_app_frees() -> None:
    with small_disk(), LocalTarget() as target:
        for number in range(40):
            (DISK / f"old-{number}").touch()
        with InodeExhaustion(path=str(DISK), leave=3).inject(target) as injection:
            for number in range(40):
                (DISK / f"old-{number}").unlink()
            first, second = injection.observe(), injection.observe()
            assert first is not None
            assert second is not None
            assert (first["left_inodes"], second["left_inodes"]) == (43, 3)


def what_the_app_uses_is_its_own() -> None:
    with small_disk(), LocalTarget() as target:
        fault = InodeExhaustion(path=str(DISK), leave=10)
        with fault.inject(target) as injection:
            for number in range(4):
                (DISK / f"new-{number}").touch()
            samples = [injection.observe() for _ in range(6)]
        delivered = fault.delivered([sample for sample in samples if sample is not None])
        assert delivered.landed, delivered.why
        assert delivered.values == {"left_inodes": 10}


class WithAWriter(LocalTarget):
    """A target whose app makes one more file between every look and the change that follows it, as long as it can."""

    made = 0

    def run(self, *argv: str, timeout_s: float = 10.0) -> str:
        with contextlib.suppress(OSError):
            (DISK / f"more-{self.made}").touch(exist_ok=False)
            self.made += 1
        return super().run(*argv, timeout_s=timeout_s)


def while_the_app_makes_files() -> None:
    with small_disk(), WithAWriter() as target:
        fault = InodeExhaustion(path=str(DISK), leave=4)
        with fault.inject(target) as injection:
            samples = [injection.observe() for _ in range(5)]
        delivered = fault.delivered([sample for sample in samples if sample is not None])
        assert delivered.landed, delivered.why


def more_than_there_are_is_refused() -> None:
    with small_disk() as before, LocalTarget() as target:
        with raises(InjectionError, r"only \d+ inodes free, 5000 to leave"):
            InodeExhaustion(path=str(DISK), leave=5000).inject(target).__enter__()
        assert (os.statvfs(DISK).f_files, os.statvfs(DISK).f_ffree) == before


def a_killed_holder_gives_them_back() -> None:
    with small_disk() as before:
        call = "import tests.faults.disks.inodes as here; here.hold_until_killed()"
        holder = subprocess.Popen([sys.executable, "-c", call], cwd=ROOT, stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"none left\n"
        assert os.statvfs(DISK).f_ffree == 0
        holder.kill()
        holder.wait()
        holder.stdout.close()
        took_s = until(lambda: (os.statvfs(DISK).f_files, os.statvfs(DISK).f_ffree) == before, within_s=1)
        print(f"all inodes back {took_s * 1000:.0f} ms after SIGKILL")


def hold_until_killed() -> None:
    with LocalTarget() as target, InodeExhaustion(path=str(DISK)).inject(target):
        print("none left", flush=True)
        target.wait(60)


@contextmanager
def small_disk() -> Iterator[tuple[int, int]]:
    """A tmpfs with 3000 inodes; how many it has, and how many are free."""
    options = f"size=8m,nosuid,nodev,nr_inodes={INODES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(DISK)], check=True)
    try:
        (DISK / "there").touch()
        yield os.statvfs(DISK).f_files, os.statvfs(DISK).f_ffree
    finally:
        subprocess.run(["umount", "--lazy", str(DISK)], check=True)


def make_files_until_none() -> int:
    """How many files could really be made; they stay."""
    for number in count():
        try:
            Path(DISK, f"made-{number}").touch()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return number
    raise AssertionError("unreachable")
