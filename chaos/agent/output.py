"""What a process writes: every line counted, so many a second kept, and of what tells of trouble a share of its own."""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from typing import IO

from chaos.agent.record import Record
from chaos.loglines import Severity, Trace

LINES_PER_S = 200
"""Of each stream, and of each severity of its own: an app that talks does not push its errors out."""
_READ_BYTES = 64 * 1024
_LONGEST = 4096
_RECENT = 100
_CAUSES = 40


class Output:
    """The last words of all lives of a process: its last lines, and those that tell of trouble, frames left out."""

    def __init__(self) -> None:
        self.said = ""
        """The last line that it wrote."""
        self.recent: deque[str] = deque(maxlen=_RECENT)
        self._troubles: deque[tuple[Severity, str]] = deque(maxlen=_CAUSES)

    def add(self, line: str, grave: Severity, frame: bool) -> None:
        """One more line, whether it is kept in the journal or not."""
        self.said = line
        self.recent.append(line)
        if grave and not frame:
            self._troubles.append((grave, line))

    def lines(self) -> list[str]:
        """What may tell why it ended, the most recent last."""
        return [*(line for _, line in self._troubles), *self.recent]

    def causes(self, most: int = 3) -> list[str]:
        """The gravest lines, each once, the last of them in the order they were written."""
        gravest = max((grave for grave, _ in self._troubles), default=Severity.NONE)
        lines = [line.strip() for grave, line in self._troubles if grave is gravest]
        return list(dict.fromkeys(reversed(lines)))[:most][::-1]


async def capture(process: str, stream: str, pipe: IO[bytes], output: Output, record: Record) -> None:
    """Journal a stream by line until it ends; what was left out of a second is counted at the next, or at its end."""
    reader = asyncio.StreamReader(limit=_READ_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    quota = _Quota(process, stream, record)
    with contextlib.closing(transport):
        try:
            async for line in _lines(reader):
                quota.take(line, output)
        finally:
            quota.end()


class _Quota:
    """What is kept of a stream in each second."""

    def __init__(self, process: str, stream: str, record: Record) -> None:
        self._process, self._stream, self._record = process, stream, record
        self._trace = Trace()
        self._second = 0
        self._lines: Counter[Severity] = Counter()

    def take(self, line: bytes, output: Output) -> None:
        text = self._record.masked(line.decode(errors="replace"))[:_LONGEST]
        grave, frame = self._trace.severity(text)
        output.add(text, grave, frame)
        if (now := int(time.monotonic())) != self._second:
            self.end()
            self._second = now
        level = min(grave, Severity.ERROR)
        self._lines[level] += 1
        if self._lines[level] > LINES_PER_S:
            return
        stated = {"level": level.name.lower()} if level else {}
        self._record.emit("log.captured", process=self._process, stream=self._stream, line=text, **stated)

    def end(self) -> None:
        """Say what the second has left out, and begin anew."""
        left_out = {level: count - LINES_PER_S for level, count in self._lines.items() if count > LINES_PER_S}
        self._lines.clear()
        if left_out:
            self._record.emit(
                "log.left_out",
                process=self._process,
                stream=self._stream,
                lines=sum(left_out.values()),
                errors=left_out.get(Severity.ERROR, 0),
            )


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Each line once, of a very long one its beginning."""
    begun, open_ = b"", False
    while chunk := await reader.read(_READ_BYTES):
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            yield begun + part[: _READ_BYTES - len(begun)]
            begun, open_ = b"", False
        begun, open_ = begun + rest[: _READ_BYTES - len(begun)], open_ or bool(rest)
    if open_:
        yield begun


def quoted(lines: Iterable[str], longest: int = 300) -> str:
    """Lines in one sentence."""
    return " / ".join(line if len(line) <= longest else f"{line[:longest]}…" for line in lines)
