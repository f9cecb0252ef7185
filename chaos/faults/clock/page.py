"""The page that a process shares with the agent: how far its clock is off, and what it was told when it last asked.

Six signed numbers of 64 bits: version, offset (ns), drift (1e-9), since when it drifts (monotonic, ns), how often the
process has asked, by how much the last answer was off (ns). The version is odd while the next three are being written.
"""

import mmap
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FOLDER = "clock"
_OURS = struct.Struct("=qqqq")
_THEIRS = struct.Struct("=qq")
_SIZE = 4096


class Told(NamedTuple):
    """What a process has asked for and been told."""

    asked: int
    off_by_s: float


class Page:
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
        with self._mapped() as page:
            version = _OURS.unpack_from(page)[0] & ~1
            page[:8] = struct.pack("=q", version + 1)
            new = (round(offset_s * 1e9), round(drift * 1e9), time.monotonic_ns())
            page[8 : _OURS.size] = struct.pack("=qqq", *new)
            page[:8] = struct.pack("=q", version + 2)

    def put_right(self) -> None:
        """Whoever asks from now on is told the true time. Raises OSError."""
        self.set(0.0)

    def told(self) -> Told:
        """How often it was asked for, and how far the last answer was off."""
        with self._mapped() as page:
            asked, off_ns = _THEIRS.unpack_from(page, _OURS.size)
        return Told(asked, off_ns / 1e9)

    def wrong(self) -> tuple[float, float]:
        """Offset in seconds, and drift, as they stand."""
        _, offset_ns, drift_ppb, _ = _OURS.unpack_from(self.path.read_bytes())
        return offset_ns / 1e9, drift_ppb / 1e9

    def _mapped(self) -> mmap.mmap:
        with self.path.open("r+b") as file:
            return mmap.mmap(file.fileno(), _SIZE)


def pages(work: Path) -> list[Page]:
    """Every clock that the app was started under; not the witness's."""
    names = (path.name for path in sorted((work / FOLDER).glob("*")))
    return [Page(work, name) for name in names if name[0].isalnum() and "." not in name]


def put_right_by_shell(pages: Sequence[Page]) -> list[str]:
    """The command that does it when the agent no longer can; in place, or whoever has a page mapped would lose it."""
    right = pages[0].path.with_name(".right")
    right.write_bytes(bytes(_OURS.size))
    script = 'right=$1; shift; for page; do cat "$right" 1<>"$page"; done'
    return ["/bin/sh", "-c", script, "sh", str(right), *(str(page.path) for page in pages)]
