"""The page that a process shares with the agent: how far its clock is off, and what it was told when it last asked.

Six signed numbers of 64 bits: version, offset (ns), drift (1e-9), since when it drifts (monotonic, ns), how often the
process has asked, by how much the last answer was off (ns). The version is odd while the next three are being written.
"""

import errno
import os
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

FOLDER = "clock"
_OURS = struct.Struct("=qqqq")
_THEIRS = struct.Struct("=qq")
_SIZE = 4096


class ToldTime(NamedTuple):
    """What a process has asked for and been told."""

    asked: int
    off_by_s: float


class ClockPage:
    """One clock. Offsets in seconds; a positive one is ahead."""

    def __init__(self, work: Path, name: str) -> None:
        self.path = work / FOLDER / name

    @property
    def is_there(self) -> bool:
        """Whether somebody was started under it."""
        return self.path.exists()

    def make(self) -> None:
        """Make it, right; one that is there is left as it is. Raises OSError."""
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not self.is_there:
            self.path.write_bytes(bytes(_SIZE))
            self.path.chmod(0o666)  # whoever the process runs as

    def set(self, offset_s: float, drift: float = 0.0) -> None:
        """Whoever asks from now on is told that, and `drift` seconds more for each that passes. Raises OSError."""
        with self._opened() as file:
            version = _OURS.unpack(_exactly(file, 0, _OURS.size))[0] & ~1
            _put(file, 0, struct.pack("=q", version + 1))
            new = (round(offset_s * 1e9), round(drift * 1e9), time.monotonic_ns())
            _put(file, 8, struct.pack("=qqq", *new))
            _put(file, 0, struct.pack("=q", version + 2))

    def put_right(self) -> None:
        """Whoever asks from now on is told the true time. Raises OSError."""
        self.set(0.0)

    def told(self) -> ToldTime:
        """How often it was asked for, and how far the last answer was off. Raises OSError."""
        with self._opened() as file:
            asked, off_ns = _THEIRS.unpack(_exactly(file, _OURS.size, _THEIRS.size))
        return ToldTime(asked, off_ns / 1e9)

    def wrong(self) -> tuple[float, float]:
        """Offset in seconds, and drift, as they stand. Raises OSError."""
        with self._opened() as file:
            _, offset_ns, drift_ppb, _ = _OURS.unpack(_exactly(file, 0, _OURS.size))
        return offset_ns / 1e9, drift_ppb / 1e9

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Never mapped: the process on the other side may cut the file, and who had it mapped would be killed."""
        file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            yield file
        finally:
            os.close(file)


def _exactly(file: int, at: int, size: int) -> bytes:
    """So many bytes. Raises OSError when somebody has cut the page."""
    if len(data := os.pread(file, size, at)) != size:
        raise OSError(errno.EIO, "the page of a clock was cut short")
    return data


def _put(file: int, at: int, data: bytes) -> None:
    if os.pwrite(file, data, at) != len(data):
        raise OSError(errno.EIO, "the page of a clock took only a part")


def pages(work: Path) -> list[ClockPage]:
    """Every clock that the app was started under; not the witness's."""
    names = (path.name for path in sorted((work / FOLDER).glob("*")))
    return [ClockPage(work, name) for name in names if name[0].isalnum() and "." not in name]


def put_right_by_shell(pages: Sequence[ClockPage]) -> list[str]:
    """The command that does it when the agent no longer can; in place, or whoever has a page mapped would lose it."""
    right = pages[0].path.with_name(".right")
    right.write_bytes(bytes(_OURS.size))
    script = 'right=$1; shift; for page; do cat "$right" 1<>"$page"; done'
    return ["/bin/sh", "-c", script, "sh", str(right), *(str(page.path) for page in pages)]
