"""Capture of what the app writes: so many lines a second are kept, errors beyond that, and every line is counted.

`log.captured` is one line; its `level` says error, more (what goes on with one) or warning. `log.counted` says how many
lines a stream had in all up to then, over all lives of its process: at most once a second, where some were left out,
and when the stream ends.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from chaos.text.deferred import deferred
from chaos.text.loglines import ERROR, MORE, Reader, essence

LINES_PER_S = 200
"""Of one stream that are kept, whatever they say."""
ERROR_LINES_PER_S = 200
"""Of errors and what goes on with them that are kept beyond those."""
RECENT_LINES = 100
_RECENT_ERRORS = 8
_NUMBER = deferred(r"\d+")
_ERROR_LINES = 60
"""Lines that are remembered of one error."""


class Emit(Protocol):
    """The agent's journal."""

    def __call__(self, type_: str, at: float | None = None, /, **data: object) -> None:
        """Write one event."""


@dataclass(slots=True)
class Counts:
    """Of one stream, over all lives of its process."""

    lines: int = 0
    errors: int = 0
    left_out: int = 0
    errors_left_out: int = 0
    told: int = 0
    """How many lines had been left out when that was last said."""


@dataclass(slots=True)
class Memory:
    """The last that a process wrote, of all its lives and both streams."""

    last: str = ""
    recent: "deque[str]" = field(default_factory=lambda: deque(maxlen=RECENT_LINES))
    """The last lines."""
    errors: "deque[list[str]]" = field(default_factory=lambda: deque(maxlen=_RECENT_ERRORS))
    """The last errors, each with its lines."""
    counts: "defaultdict[str, Counts]" = field(default_factory=lambda: defaultdict(Counts))
    """By stream."""

    def telling(self, most: int = 3) -> list[str]:
        """The lines that say why it ended: of its errors what says most, else the last lines. Oldest first."""
        told = list(dict.fromkeys(essence(lines) for lines in self.errors))
        traced = [
            line for line in told if any(len(lines) > 2 and essence(lines) == line for lines in self.errors)
        ]
        chosen = [*reversed(traced), *(line for line in reversed(told) if line not in traced)][:most]
        return [line for line in told if line in chosen] or list(self.recent)[-most:]


class Capture:
    """The lines of one stream of one process."""

    def __init__(
        self,
        process: str,
        stream: str,
        emit: Emit,
        memory: Memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit, self._memory, self._clock = emit, memory, clock
        self._about = {"process": process, "stream": stream}
        self._reader = Reader()
        self._error: list[str] = []
        self._counts = memory.counts[stream]
        self._second = 0
        self._kept = self._errors_kept = 0

    def line(self, text: str) -> None:
        """One more line, without what may not be written down."""
        self._turn()
        level = self._reader.level(text)
        self._remember(text, level)
        self._counts.lines += 1
        self._counts.errors += level == ERROR
        if self._keeps(level):
            self._emit("log.captured", **self._about, line=text, **({"level": level} if level else {}))
        else:
            self._counts.left_out += 1
            self._counts.errors_left_out += level == ERROR

    def end(self) -> None:
        """The stream is over."""
        self._count()

    def _turn(self) -> None:
        """Begin a new second."""
        now = int(self._clock())
        if now != self._second:
            self._second = now
            self._kept = self._errors_kept = 0
            self._count()

    def _keeps(self, level: str) -> bool:
        if self._kept < LINES_PER_S:
            self._kept += 1
            return True
        if level in (ERROR, MORE) and self._errors_kept < ERROR_LINES_PER_S:
            self._errors_kept += 1
            return True
        return False

    def _count(self) -> None:
        counts = self._counts
        if counts.left_out > counts.told:
            counts.told = counts.left_out
            self._emit(
                "log.counted",
                **self._about,
                lines=counts.lines,
                errors=counts.errors,
                left_out=counts.left_out,
                errors_left_out=counts.errors_left_out,
            )

    def _remember(self, text: str, level: str) -> None:
        memory = self._memory
        memory.last = text
        memory.recent.append(text)
        if level == ERROR:
            self._error = [text]
            if memory.errors and _kind(memory.errors[-1][0]) == _kind(text):
                memory.errors.pop()  # one that repeats itself must not push its cause out
            memory.errors.append(self._error)
        elif level == MORE and len(self._error) < _ERROR_LINES:
            self._error.append(text)


def _kind(text: str) -> str:
    """A line without its moments, counts and ports."""
    return _NUMBER.sub("", text)


async def lines(reader: asyncio.StreamReader, longest: int) -> AsyncIterator[bytes]:
    """Each line once, without its end; of one that is longer than that many bytes, its beginning."""
    begun, under_way = b"", False
    while chunk := await reader.read(longest):
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            yield begun + part[: longest - len(begun)]
            begun, under_way = b"", False
        begun, under_way = begun + rest[: longest - len(begun)], under_way or bool(rest)
    if under_way:
        yield begun
