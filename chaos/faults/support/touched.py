"""Files that somebody other than us reads or writes below a folder, told by the kernel (inotify(7)).

A write that is refused tells nobody. But whoever opened a file for writing closes it again, and that is told; what has
been open since before is found among the descriptors of the app's processes.
"""

import ctypes
import os
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from chaos.faults.support.apart import COMMANDS, Apart
from chaos.faults.support.base import Met, Sample

_ACCESS, _MODIFY, _CLOSE_WRITE, _MOVED_TO, _CREATE, _DELETE = 0x1, 0x2, 0x8, 0x80, 0x100, 0x200
_WRITES = _MODIFY | _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE
_IS_FOLDER = 0x40000000
_EVENT = struct.Struct("=iIII")
_MOST_FOLDERS = 512
_OURS = (".chaoslab", "#")
"""Names of files of our own; `#` begins that of one without a name (O_TMPFILE)."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class Touched:
    """Counts what happens in a folder and below, from now on; `looks` is that of the target."""

    def __init__(
        self, folder: str, pids: Callable[[], Iterable[int]], looks: Callable[[], tuple[int, int]]
    ) -> None:
        self._pids, self._device = pids, Path(folder).stat().st_dev
        self._apart = Apart(looks)
        self._folders: dict[int, Path] = {}
        self._whole = True
        self._written = self._read = 0
        self._notices = _LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._notices < 0:
            self._whole = False
        else:
            self._watch(Path(folder))

    def look(self) -> dict[str, int]:
        """What happened so far, how many files the app has open for writing, and whether all could be watched.

        `unsure` is how much more there was that a command of a probe may have done.
        """
        sure, unsure = self._apart.split(self._count)
        writers = sum(_writes(pid, self._device) for pid in self._pids())
        return {**sure, "unsure": sum(unsure.values()), "writers": writers, "watched": int(self._whole)}

    def _count(self) -> dict[str, int]:
        with suppress(BlockingIOError):
            while self._notices >= 0 and (events := os.read(self._notices, 2**16)):
                self._note(events)
        return {"written": self._written, "read": self._read}

    def close(self) -> None:
        """Watch no more."""
        if self._notices >= 0:
            os.close(self._notices)

    def _watch(self, folder: Path) -> None:
        """That folder and all below it on the same disk."""
        device = folder.stat().st_dev
        for place, below, _ in os.walk(folder):
            below[:] = [name for name in below if self._is_on(device, Path(place, name))]
            if len(self._folders) >= _MOST_FOLDERS:
                self._whole = False
                return
            watch = _LIBC.inotify_add_watch(self._notices, os.fsencode(place), _WRITES | _ACCESS)
            self._whole = self._whole and watch >= 0
            if watch >= 0:
                self._folders[watch] = Path(place)

    def _is_on(self, device: int, place: Path) -> bool:
        try:
            return place.lstat().st_dev == device and not place.name.startswith(_OURS)
        except OSError:
            return False

    def _note(self, events: bytes) -> None:
        at = 0
        while at < len(events):
            watch, what, _, length = _EVENT.unpack_from(events, at)
            name = events[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0").decode(errors="replace")
            at += _EVENT.size + length
            if name.startswith(_OURS):
                continue
            self._written += bool(what & _WRITES)
            self._read += bool(what & _ACCESS)
            if what & _CREATE and what & _IS_FOLDER and watch in self._folders:
                with suppress(OSError):  # gone again
                    self._watch(self._folders[watch] / name)


def _writes(pid: int, device: int) -> int:
    """How many files on that disk a process has open for writing; its mounts may be others than ours."""
    found = 0
    folder = Path(f"/proc/{pid}/fd")
    with suppress(OSError):  # it has ended
        for name in os.listdir(folder):  # noqa: PTH208 - names only
            with suppress(OSError):  # closed meanwhile
                seen = (folder / name).stat()
                if seen.st_dev == device and S_ISREG(seen.st_mode):
                    flags = Path(f"/proc/{pid}/fdinfo/{name}").read_text().split("flags:")[1].split()[0]
                    found += int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
    return found


def wrote(samples: Sequence[Sample], folder: str) -> Met:
    """Whether somebody tried to write there, as far as that can be seen."""
    if not any("written" in sample for sample in samples):
        return Met.unmeasured(f"nobody could watch {folder}")
    if written := max(int(sample.get("written", 0)) for sample in samples):
        return Met.counted(written, None, f"times somebody wrote, made or closed a file in {folder}", "")
    if any(int(sample.get("writers", 0)) for sample in samples):
        return Met.unmeasured(
            f"the app has files open for writing in {folder}, and a refused write leaves no trace"
        )
    if not all(int(sample.get("watched", 1)) for sample in samples):
        return Met.unmeasured(f"there is too much below {folder} to watch all of it")
    return Met(0, None, f"the app wrote nothing to {folder}{_but(samples)}", enough=False)


def _but(samples: Sequence[Sample]) -> str:
    return COMMANDS if any(int(sample.get("unsure", 0)) for sample in samples) else ""


def used(samples: Sequence[Sample], folder: str) -> Met:
    """Whether somebody read or wrote files there."""
    if touched := max(
        (int(sample.get("written", 0)) + int(sample.get("read", 0)) for sample in samples), default=0
    ):
        return Met.counted(touched, None, f"times somebody read or wrote a file in {folder}", "")
    found = wrote(samples, folder)
    if found.count is None:
        return found
    return Met(0, None, f"the app used no file in {folder}{_but(samples)}", enough=False)
