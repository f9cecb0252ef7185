"""A tmpfs made read-only, in a mount namespace of its own: the bodies of test_disk_read_only."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.errors import InjectionError
from chaos.faults.disk_read_only import DiskReadOnly
from tests.faults.disks import DISK, mountinfo, raises, until
from tests.faults.target import ROOT, LocalTarget


def remounted_when_nobody_writes() -> None:
    with disks(), LocalTarget() as target:
        before = mountinfo()
        fault = DiskReadOnly(path=str(DISK))
        began = time.monotonic()
        with fault.inject(target) as injection:
            on_ms = (time.monotonic() - began) * 1000
            assert (injection.mechanism, injection.kind) == ("remount", "real")
            assert injection.asked == {"refused_percent": 100.0}
            assert touched_by_another(DISK / "new") == errno.EROFS
            assert touched_by_another(DISK / "there") == errno.EROFS
            assert (DISK / "there").read_text() == "kept", "it can still be read"
            samples = [injection.observe() for _ in range(10)]
            ending = time.monotonic()
        off_ms = (time.monotonic() - ending) * 1000
        assert touched_by_another(DISK / "new") == 0
        assert mountinfo() == before, "options and mounts are those of before"
        delivered = fault.delivered([sample for sample in samples if sample is not None])
        assert delivered.landed, delivered.why
        assert delivered.values == {"refused_percent": 100.0}
        print(f"on {on_ms:.1f} ms, off {off_ms:.1f} ms, {delivered.why}")


def covered_when_somebody_writes() -> None:
    with disks(), LocalTarget() as target, (DISK / "log").open("a") as log:
        before = mountinfo()
        fault = DiskReadOnly(path=str(DISK))
        with fault.inject(target) as injection:
            assert injection.mechanism == "read-only-cover"
            assert touched_by_another(DISK / "new") == errno.EROFS
            log.write("an open file is still written to")
            log.flush()
            spared = f"{DISK / 'log'} ({os.getpid()})"
            assert injection.notes["spared"] == [spared]
            sample = injection.observe()
            assert sample is not None
        assert mountinfo() == before
        assert touched_by_another(DISK / "new") == 0
        assert (DISK / "log").read_text() == "an open file is still written to"
        delivered = fault.delivered([sample])
        assert delivered.landed
        assert f"still writable, because open since before: {spared}" in delivered.why


def who_moved_into_the_cover_can_write_afterwards() -> None:
    with disks(), LocalTarget() as target, (DISK / "log").open("a"):
        with DiskReadOnly(path=str(DISK)).inject(target):
            os.chdir(DISK)
            with raises(OSError, "Read-only"):
                Path("relative").touch()
        Path("relative").touch()
        os.chdir("/")
        assert (DISK / "relative").exists()


def open_files_may_be_a_reason_to_refuse() -> None:
    with disks(), LocalTarget() as target, (DISK / "log").open("a"):
        before = mountinfo()
        with raises(InjectionError, r"open for writing: /mnt/log \(\d+\)"):
            DiskReadOnly(path=str(DISK), open_files="refuse").inject(target).__enter__()
        assert mountinfo() == before


def every_disk_below() -> None:
    with disks(), LocalTarget() as target:
        before = mountinfo()
        with DiskReadOnly(path=str(DISK), below=True).inject(target) as injection:
            assert set(injection.notes["disks"]) == {"/mnt", "/mnt/data"}
            assert touched_by_another(DISK / "data" / "new") == errno.EROFS
            assert touched_by_another(DISK / "new") == errno.EROFS
        assert mountinfo() == before


def twice_is_refused() -> None:
    with disks(), LocalTarget() as target, DiskReadOnly(path=str(DISK)).inject(target):
        with raises(InjectionError, "read-only already"):
            DiskReadOnly(path=str(DISK)).inject(target).__enter__()
        assert touched_by_another(DISK / "new") == errno.EROFS, "a refusal undoes nothing of somebody else"


def a_killed_holder_leaves_it_writable() -> None:
    killed_and_writable()


def a_killed_holder_of_a_cover_leaves_it_writable() -> None:
    with disks(), (DISK / "log").open("a"):
        killed_and_writable(mounted=True)


def killed_and_writable(mounted: bool = False) -> None:
    if not mounted:
        with disks():
            return killed_and_writable(mounted=True)
    before = mountinfo()
    call = "import tests.faults.disks.read_only as here; here.hold_until_killed()"
    holder = subprocess.Popen([sys.executable, "-c", call], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"read-only\n"
    assert touched_by_another(DISK / "new") == errno.EROFS
    holder.kill()
    holder.wait()
    holder.stdout.close()
    took_s = until(lambda: mountinfo() == before, within_s=1)  # promised by ends_with = "agent"
    print(f"writable {took_s * 1000:.0f} ms after SIGKILL")
    assert touched_by_another(DISK / "new") == 0
    return None


def hold_until_killed() -> None:
    with LocalTarget() as target, DiskReadOnly(path=str(DISK)).inject(target):
        print("read-only", flush=True)
        target.wait(60)


@contextmanager
def disks() -> Iterator[None]:
    """A tmpfs with a file on it, and another mounted below; seen by this process and its children only."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,nosuid,nodev", "tmpfs", str(DISK)], check=True)
    try:
        (DISK / "there").write_text("kept")
        (DISK / "data").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(DISK / "data")], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", "--recursive", str(DISK)], check=True)


def touched_by_another(path: Path) -> int:
    """The error number that another program gets when it opens `path` for writing; 0 when it may."""
    done = subprocess.run(["/bin/sh", "-c", ': >> "$1"', "sh", str(path)], capture_output=True, check=False)
    if done.returncode == 0:
        return 0
    assert b"Read-only file system" in done.stderr, done.stderr
    return errno.EROFS
