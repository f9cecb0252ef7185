"""Keep a disk busy: workers write and sync so many bytes a second on the disk that the app uses, or read them back."""

import errno
import mmap
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from chaos.errors import FaultError, InjectionError
from chaos.faults.linux.mounts import Mount, mount_of
from chaos.faults.support.base import Delivered, Fault, Helper, Injection, Met, Sample, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S, receive, send
from chaos.faults.support.fidelity import mean_interval, percentile
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.faults.support.touched import Touched, used
from chaos.faults.support.unnamed import unnamed_file
from chaos.units import ByteRate, Share

_TOLERATED = 0.1
_ROUGH = 0.25
_FEWEST_LOOKS = 3
"""How far, as a share, the mean rate may be from what was asked."""
_BLOCK = 2**18
_REGION = 2**23
"""Each worker writes these bytes over and over: the disk is kept busy, not filled."""
_SYNCS_BEFORE = 15
_LOOK_EVERY_S = 0.25
_FASTEST = 2.0**30
_MOST_WORKERS = 32
_DEBT_S = 0.5
"""A worker that is later than this forgets what it missed: no burst after a stall."""


@dataclass(frozen=True, kw_only=True)
class IoStress(Fault):
    """Write and sync (fsync) `rate` bytes a second on the disk that holds `path`; of them, read `read_share` instead.

    Where no device is behind `path` (a tmpfs) there is nothing to wait for: an fsync returns at once, and what the
    app can feel is the copying. Such a run says `emulated`.
    """

    mechanisms = ("sync-writers",)

    type: Literal["io_stress"] = "io_stress"
    path: str = "/tmp"
    rate: ByteRate = 20 * 2.0**20
    read_share: Share = 0.0
    """How much of the rate is read, past the page cache where the file system can."""
    workers: int = 2
    """How many do so at the same time."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"rate": "5MiB/s", "workers": 1},
        "medium": {"rate": "20MiB/s", "workers": 2},
        "high": {"rate": "100MiB/s", "workers": 4},
    }

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"path must be absolute, such as /tmp, got {self.path!r}")
        if not 1 <= self.workers <= _MOST_WORKERS:
            raise ValueError(f"workers must be between 1 and {_MOST_WORKERS}, got {self.workers}")
        if self.rate > _FASTEST:
            raise ValueError("rate must be at most 1GiB (1073.741824MB) a second")

    def minimum_hold_s(self) -> float:
        """See Fault: a few looks."""
        return 4 * _LOOK_EVERY_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The workers are at work on enter, and gone on exit."""
        mount = _suitable(self.path, self.workers)
        clock = _SyncClock(self.path)
        with target.undo("the file of the side-band", clock.close), ExitStack() as stack:
            before_ms = percentile([clock.sync_ms() for _ in range(_SYNCS_BEFORE)], 0.5)
            arguments = vars(self).copy()
            for name in ("type", "intensity"):
                del arguments[name]
            with target.helper(work, **arguments) as helper:
                if helper.receive(ANSWERS_WITHIN_S) is None:
                    raise InjectionError(f"the workers were not ready within {ANSWERS_WITHIN_S:g} s")
                touched = Touched(self.path, target.pids, target.looks)
                stack.callback(touched.close)
                look = _Look(helper, mount, clock, touched)
                notes = {
                    "fsync_before_ms": round(before_ms, 3),
                    "disk": mount.kind,
                    **_caveat(mount, self.path),
                }
                kind: Literal["real", "emulated"] = "emulated" if mount.in_memory else "real"
                asked = {"bytes_per_s": self.rate}
                yield Injection("sync-writers", kind, asked, look, _LOOK_EVERY_S, notes)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when the mean of what the kernel counted is within 10 % of the rate, as long as the workers lived."""
        rates = [float(sample["bytes_per_s"]) for sample in samples if "bytes_per_s" in sample]
        lost = next((str(sample["why"]) for sample in samples if "why" in sample), None)
        if len(rates) < _FEWEST_LOOKS:
            few = f"what the workers did was looked at {len(rates)} times; {_FEWEST_LOOKS} are needed"
            return Delivered({}, None, None, len(rates), False, lost or few)
        mean, low, high, effective = mean_interval(rates)
        syncs = [float(sample["fsync_ms"]) for sample in samples if "fsync_ms" in sample]
        why = (
            f"{mean / 2**20:.2f} MiB/s in the mean, counted by the kernel, {self.rate / 2**20:.2f} asked, "
            f"10 % tolerated; a small fsync beside it took {percentile(syncs, 0.5):.2f} ms in the median"
        )
        near = abs(mean - self.rate) <= _TOLERATED * self.rate
        if not near and mean < self.rate:
            why += "; the disk, or this machine, gives no more"
        gone = unsteady(
            rates,
            lambda rate: rate >= _ROUGH * self.rate,
            lambda some: abs(mean_interval(some)[0] - self.rate) <= 2 * _TOLERATED * self.rate,
        )
        values = {"bytes_per_s": mean, "fsync_ms": percentile(syncs, 0.5)}
        why = f"ended early: {lost}; until then {why}" if lost else why
        landed = near and not gone
        return Delivered(
            values,
            low,
            high,
            len(rates),
            landed,
            and_why(why, gone),
            ended_early="the end of its workers" if lost else "",
            effective=effective,
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: looks at which the app had read or written files there, while no command of a probe ran."""
        return used(samples, self.path)


def _suitable(folder: str, workers: int) -> Mount:
    """The mount of `folder`. Raises InjectionError when the workers' files have no room there, or may not be made."""
    try:
        mount, seen = mount_of(folder), os.statvfs(folder)
        os.close(unnamed_file(folder))
    except OSError as error:
        raise InjectionError(f"cannot keep {folder} busy: {error.strerror}") from error
    room, need = seen.f_bavail * seen.f_frsize, workers * _REGION + _BLOCK
    if room < need:
        have = f"only {room / 2**20:.1f} MiB are free"
        raise InjectionError(f"{workers} workers need {need / 2**20:.0f} MiB on {folder}; {have}")
    return mount


def _caveat(mount: Mount, folder: str) -> dict[str, str]:
    if not mount.in_memory:
        return {}
    why = (
        f"no device is behind {folder} ({mount.kind}): an fsync returns at once, what is felt is the copying"
    )
    return {"why_emulated": why}


class _SyncClock:
    """How long a small synced write takes: four kilobytes, to a file of its own."""

    def __init__(self, folder: str) -> None:
        self._file = unnamed_file(folder)

    def sync_ms(self) -> float:
        """One write and fsync."""
        began = time.perf_counter()
        try:
            os.pwrite(self._file, b"x" * 4096, 0)
            os.fsync(self._file)
        except OSError as error:
            raise FaultError(f"the side-band's own write failed: {error.strerror}") from error
        return (time.perf_counter() - began) * 1000

    def close(self) -> None:
        """Its space is free again."""
        os.close(self._file)


class _Look:
    """What the kernel counted for the workers since the last look (io of proc(5)), and one small fsync."""

    def __init__(self, helper: Helper, mount: Mount, clock: _SyncClock, touched: Touched) -> None:
        self._helper, self._clock, self._touched = helper, clock, touched
        # What was sent to a device, or, where there is none, what was copied.
        self._counters = ("rchar", "wchar") if mount.in_memory else ("read_bytes", "write_bytes")
        self._seen, self._at = self._moved(), time.monotonic()

    def __call__(self) -> dict[str, Any] | None:
        """One sample; None right after the last one."""
        if time.monotonic() < self._at + _LOOK_EVERY_S / 2:
            return None
        try:
            moved, at = self._moved(), time.monotonic()
            self._helper.receive(0)
        except (OSError, FaultError) as error:
            return {"why": f"the workers did not survive ({error})"}
        rate = (moved - self._seen) / (at - self._at)
        self._seen, self._at = moved, at
        took_ms = round(self._clock.sync_ms(), 4)
        return {"bytes_per_s": round(rate, 1), "fsync_ms": took_ms, **self._touched.look()}

    def _moved(self) -> int:
        lines = Path(f"/proc/{self._helper.pid}/io").read_text().splitlines()
        counted = dict(line.split(": ") for line in lines)
        return sum(int(counted[name]) for name in self._counters)


def work(path: str, rate: float, read_share: float, workers: int) -> None:
    """Helper: that many threads, each with its part of the rate, until the channel ends."""
    failed: list[str] = []
    alarm = threading.Event()
    threads = [_Worker(path, rate / workers, read_share, failed, alarm) for _ in range(workers)]
    send({"ready": len(threads)})
    for thread in threads:
        thread.start()
    threading.Thread(target=_until_parent_ends, args=(alarm,), daemon=True).start()
    alarm.wait()
    if failed:
        raise FaultError(failed[0])


def _until_parent_ends(alarm: threading.Event) -> None:
    try:
        receive()
    except EOFError:
        alarm.set()


class _Worker(threading.Thread):
    """Writes and syncs, or reads, one block after another at its own pace."""

    def __init__(
        self, folder: str, rate: float, read_share: float, failed: list[str], alarm: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._rate, self._read_share, self._failed, self._alarm = rate, read_share, failed, alarm
        self._block = mmap.mmap(-1, min(_BLOCK, max(4096, int(rate / 20) // 4096 * 4096)))
        self._block.write(os.urandom(len(self._block)))
        self._file = unnamed_file(folder)
        for at in range(0, _REGION, len(self._block)):
            os.pwrite(self._file, self._block, at)
        self._direct = _direct(self._file)

    def run(self) -> None:
        """Until the process ends, or something fails."""
        try:
            self._run()
        except OSError as error:
            self._failed.append(f"a worker failed: {error.strerror}")
            self._alarm.set()

    def _run(self) -> None:
        size, due, owed, at = len(self._block), time.monotonic(), 0.0, 0
        while True:
            at = (at + size) % (_REGION // size * size)
            owed += self._read_share
            if owed >= 1:
                owed -= 1
                os.preadv(self._direct, [self._block], at)
            else:
                os.pwrite(self._file, self._block, at)
                os.fsync(self._file)
            due = max(due + size / self._rate, time.monotonic() - _DEBT_S)
            time.sleep(max(0.0, due - time.monotonic()))


def _direct(descriptor: int) -> int:
    """The same file past the page cache (O_DIRECT), where the file system can; else as it is."""
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return descriptor
