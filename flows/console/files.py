"""The files of a run as they are sent: whole, or one range of bytes (RFC 9110, 14); never by a link."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastapi import Response
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse

from flows.console.problems import Refused

FILES: Mapping[str, str] = {
    "journal.ndjson": "application/x-ndjson",
    "result.json": "application/json",
    "report.html": "text/html; charset=utf-8",
    "dashboard.json": "application/json",
    "manifest.yaml": "application/yaml",
}
"""What may be sent of a run's folder."""
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_PIECE = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an open file."""

    name: str
    file: BinaryIO
    first: int
    length: int
    size: int
    partial: bool

    def response(self, *, forever: bool) -> Response:
        """Send it; a file of a run that has ended never changes."""
        headers = {
            "accept-ranges": "bytes",
            "content-length": str(self.length),
            "content-security-policy": _SANDBOX,
            "cache-control": "private, max-age=31536000, immutable" if forever else "no-store",
        }
        if self.partial:
            headers["content-range"] = f"bytes {self.first}-{self.first + self.length - 1}/{self.size}"
        return StreamingResponse(
            self._pieces(),
            206 if self.partial else 200,
            headers,
            FILES[self.name],
            BackgroundTask(self.file.close),
        )

    def _pieces(self) -> Iterator[bytes]:
        left = self.length
        self.file.seek(self.first)
        while left and (data := self.file.read(min(left, _PIECE))):
            left -= len(data)
            yield data


def files_of(folder: Path) -> list[tuple[str, int]]:
    """The names and sizes of those that are there."""
    found = []
    for name in FILES:
        try:
            seen = (folder / name).lstat()
        except OSError:
            continue
        if stat.S_ISREG(seen.st_mode):
            found.append((name, seen.st_size))
    return found


def piece_of(folder: Path, name: str, asked: str | None) -> Piece:
    """What a request with that Range wants of a file. Raises Refused."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused("not-found", f"this run has no {name} (yet)") from error
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise Refused("not-found", f"this run has no {name} (yet)")
        first, length, partial = _range(asked, seen.st_size)
    except Refused:
        os.close(descriptor)
        raise
    return Piece(name, os.fdopen(descriptor, "rb"), first, length, seen.st_size, partial)


def _range(asked: str | None, size: int) -> tuple[int, int, bool]:
    """First byte, length, and whether it is a part. What is no single range of bytes is not heeded."""
    match = _RANGE.fullmatch(asked.replace(" ", "")) if asked else None
    if match is None or match.groups() == ("", ""):
        return 0, size, False
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        begin, end = size - length, size
    else:
        begin, end = int(first), min(int(last) + 1 if last else size, size)
    if begin >= end:
        raise Refused("range", f"the file has {size} bytes", headers={"content-range": f"bytes */{size}"})
    return begin, end - begin, True
