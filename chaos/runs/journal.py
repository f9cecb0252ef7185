"""Journal of one run on the host: all its facts, append-only, as NDJSON."""

import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.host.private import opener

_BEGINS = b'"type":"run.started"'
"""In a line that begins a segment, as `Event.to_line` writes it."""


class Journal:
    """One file. Reading tolerates a torn last line only: a broken line elsewhere is an error with its number."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Add one fact of the host's own."""
        self.append_lines(event.to_line())

    def append_lines(self, lines: bytes) -> None:
        """Add whole lines as the agent wrote them; all of them or none. Raises ChaosLabError when the disk refuses."""
        try:
            with open(self.path, "ab", buffering=0, opener=opener) as file:
                before = file.seek(0, os.SEEK_END)
                try:
                    _write_all(file, lines)
                except OSError:
                    file.truncate(before)  # half a line would spoil the next one, too
                    raise
        except OSError as error:
            raise ChaosLabError(
                f"{self.path}: cannot write the journal: {error.strerror or error}"
            ) from error

    def mend(self) -> None:
        """Drop a torn last line, which a writer that was killed may leave, before somebody writes on."""
        try:
            with self.path.open("r+b") as file:
                file.truncate(file.read().rfind(b"\n") + 1)
        except OSError as error:
            raise ChaosLabError(f"{self.path}: cannot mend the journal: {error.strerror or error}") from error

    def events(self) -> Iterator[Event]:
        """Every fact in the order it was written. Raises ChaosLabError."""
        return (event for event, _ in self.lines())

    def latest(self, *types: str) -> list[Event]:
        """The facts of those types (of all, when none is named) in the segment that is being written."""
        return [event for event, _ in self.lines(latest=True) if not types or event.type in types]

    def lines(self, *, latest: bool = False) -> Iterator[tuple[Event, bytes]]:
        """Every fact (of the last segment) with the line that it was read from. Raises ChaosLabError."""
        try:
            with self.path.open("rb") as file:
                # A line that is only skipped is not read as JSON: a long series has millions of them.
                first = max((at for at, line in enumerate(file, start=1) if _BEGINS in line), default=1)
                file.seek(0)
                for number, line in enumerate(file, start=1):
                    if latest and number < first:
                        continue
                    if (event := self._read(line, number)) is None:
                        return
                    yield event, line
        except OSError as error:
            raise ChaosLabError(f"{self.path}: cannot read the journal: {error.strerror or error}") from error

    def after(self, offset: int, most: int = 4 * 2**20) -> tuple[list[Event], int]:
        """The facts of the whole lines that begin at a byte, of about `most` bytes, and where the next line begins.

        For readers while it is written: a line that is not whole yet is left for the next time. Raises ChaosLabError.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                data = file.read(most)
                if len(data) == most:
                    data += file.readline()
        except OSError as error:
            raise ChaosLabError(f"{self.path}: cannot read the journal: {error.strerror or error}") from error
        whole = data[: data.rfind(b"\n") + 1]
        try:
            return [Event.from_line(line) for line in whole.splitlines()], offset + len(whole)
        except (ValueError, KeyError, TypeError) as error:
            words = f"{self.path}: not a ChaosLab journal after byte {offset}"
            raise ChaosLabError(words) from error

    def _read(self, line: bytes, number: int) -> Event | None:
        """The fact of one line; None when the writer was cut off in the middle of it, so that it is the last."""
        try:
            return Event.from_line(line)
        except (ValueError, KeyError, TypeError) as error:
            if not line.endswith(b"\n"):
                return None
            raise ChaosLabError(f"{self.path}:{number}: not an event of a ChaosLab journal") from error

    def of(self, *types: str) -> list[Event]:
        """The facts of those types."""
        return [event for event in self.events() if event.type in types]


def _write_all(file: FileIO, data: bytes) -> None:
    """A full disk first takes a part without complaint: ask until it takes all or refuses."""
    while data:
        data = data[file.write(data) :]
