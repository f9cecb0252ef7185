"""Fill a file system until only so many bytes can still be written, and keep it that full."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError
from chaos.faults.linux.mounts import mount_of, refuse_the_agents
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.fidelity import median_interval
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.faults.support.touched import Touched, wrote
from chaos.faults.support.unnamed import unnamed_file
from chaos.units import SIZE, Size

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROUGH = 2**20
_FEWEST_LOOKS = 3
_LARGEST_FILL = 500_000_000
"""Bytes; more is only filled on a tmpfs, which is the sandbox's own and bounded by its memory."""
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class DiskFull(Fault):
    """Fill the file system that holds `path` until `leave` bytes can still be written there.

    It stays full: what the app frees is taken again within 100 ms, what the app writes into the space left is
    its own. The app's files are never touched. The fill has no name: it goes with the process that holds it.
    """

    mechanisms = ("allocated-file",)

    type: Literal["disk_full"] = "disk_full"
    path: str = "/tmp"
    leave: Size = 2.0**20

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"leave": "8MiB"},
        "medium": {"leave": "1MiB"},
        "high": {"leave": "0B"},
    }

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"path must be absolute, such as /tmp, got {self.path!r}")

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """Full on enter; the space is back on exit."""
        _refuse_large(self.path, int(self.leave), target)
        fill = _Fill(self.path, int(self.leave))
        with target.undo(f"the fill of {self.path}", fill.close):
            refuse_the_agents(self.path, target.work, fill.file)
            fill.begin()
            asked = {"left_bytes": self.leave}
            with contextlib.closing(Touched(self.path, target.pids, target.looks)) as touched:

                def look() -> Sample:
                    return {**fill.look(), **touched.look()}

                yield Injection("allocated-file", "real", asked, look, notes=fill.notes)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when, by the median, what was left to the app is what was asked, to the page."""
        left = [float(sample["left_bytes"]) for sample in samples]
        if len(left) < _FEWEST_LOOKS:
            why = f"free space was looked at {len(left)} times while the disk was held full; {_FEWEST_LOOKS} are needed"
            return Delivered({}, None, None, 0, False, why)
        middle, low, high, effective = median_interval(left)
        why = f"median {middle:.0f} B left to the app, {self.leave:.0f} B asked, one page of {_PAGE} B tolerated"
        least = min(float(sample["free_bytes"]) for sample in samples)
        if least < self.leave - _PAGE:
            why += f"; the app wrote into it, down to {least:.0f} B free"
        gone = unsteady(left, lambda each: each <= self.leave + max(_ROUGH, self.leave / 2))
        why = and_why(why, gone)
        landed = abs(middle - self.leave) <= _PAGE and not gone
        return Delivered({"left_bytes": middle}, low, high, len(left), landed, why, effective=effective)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: files that were opened for writing there, while no command of a probe ran."""
        return wrote(samples, self.path)


class _Fill:
    """An unnamed file that takes up the space of a file system."""

    def __init__(self, folder: str, leave: int) -> None:
        self._folder, self._leave = folder, leave
        self._size = 0
        self._never_free = 0
        self._least_theirs = 0
        """What others used when it was least, less the size of the disk (a constant that drops out)."""
        self.notes: dict[str, Any] = {}
        try:
            self.file = unnamed_file(folder)
        except OSError as error:
            raise InjectionError(f"cannot fill {folder}: {error.strerror}") from error

    def begin(self) -> None:
        """Fill until nothing more can be allocated, then give back `leave`: full is seen, not computed.

        So reserves of the file system need no rule. For a moment, noted as `full_ms`, all is full.
        """
        began = self._take_all()
        self._never_free = _free_blocks(self._folder)
        if self._size < self._leave:
            had, asked = SIZE.format(self._size), SIZE.format(self._leave)
            raise InjectionError(f"{self._folder} had only {had} free, less than the {asked} to leave")
        self._size -= self._leave
        os.ftruncate(self.file, self._size)
        self._least_theirs = -self._free() - self._size
        full_ms = round((time.monotonic() - began) * 1000, 3)
        self.notes = {"filled_bytes": self._size, "reserved_bytes": self._never_free, "full_ms": full_ms}

    def _take_all(self) -> float:
        """Allocate until not one page more can be had; the monotonic time at which space first ran out."""
        ran_out = None
        step = max(_PAGE, _free_blocks(self._folder))
        while step >= _PAGE:
            if not self._take(step):
                ran_out = ran_out or time.monotonic()
                step = step // 2 // _PAGE * _PAGE
        return ran_out or time.monotonic()

    def _take(self, size: int) -> bool:
        """Allocate that many bytes more; False when there was no room."""
        try:
            os.posix_fallocate(self.file, self._size, size)
        except OSError as error:
            if error.errno in _NO_SPACE:
                return False
            raise InjectionError(f"cannot fill {self._folder}: {error.strerror}") from error
        self._size += size
        return True

    def look(self) -> dict[str, Any]:
        """What is free, and what was left to the app; what it freed since the last look is then taken again.

        Left is what is free and what the app has written since: space that it was given, and used.
        """
        free = self._free()
        theirs = -free - self._size
        self._least_theirs = min(self._least_theirs, theirs)
        left = free + theirs - self._least_theirs
        excess = (free - self._leave) // _PAGE * _PAGE
        if excess > 0:
            self._take(excess)
        return {"free_bytes": free, "left_bytes": left, "fill_bytes": self._size}

    def _free(self) -> int:
        return max(0, _free_blocks(self._folder) - self._never_free)

    def close(self) -> None:
        """Free the space: the last descriptor of an unnamed file is its life."""
        os.close(self.file)


def _free_blocks(folder: str) -> int:
    """Bytes of unused blocks, those that only root may have included."""
    seen = os.statvfs(folder)
    return seen.f_bfree * seen.f_frsize


def _refuse_large(folder: str, leave: int, target: Target) -> None:
    """Raise InjectionError before a fill that could hurt more than the sandbox."""
    try:
        need = _free_blocks(folder) - leave
    except OSError as error:
        raise InjectionError(f"cannot fill {folder}: {error.strerror}") from error
    if mount_of(folder).kind != "tmpfs":
        if need > _LARGEST_FILL:
            most = f"more than {_LARGEST_FILL / 1e6:.0f} MB is only filled on a tmpfs of the sandbox's own"
            raise InjectionError(f"filling {folder} takes {need / 1e6:.0f} MB; {most}")
        return
    room = target.memory.limit_bytes - target.memory.used_bytes()
    if need > room:
        have = f"only {room / 1e6:.0f} MB of the sandbox's memory are unused"
        raise InjectionError(f"filling {folder} takes {need / 1e6:.0f} MB of memory (it is a tmpfs); {have}")
