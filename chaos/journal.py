"""All facts of one run, append-only, as NDJSON on the host."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chaos.errors import ChaosLabError
from chaos.events import Event


class Journal:
    """One file. Reading tolerates a torn last line, and only that: a broken line elsewhere is an error with its number."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Add one fact of the host's own."""
        self.append_lines(event.to_line())

    def append_lines(self, lines: bytes) -> None:
        """Add whole lines as the agent wrote them. Raises ChaosLabError when the disk does not take them."""
        try:
            with self.path.open("ab", buffering=0) as file:
                file.write(lines)
        except OSError as error:
            raise ChaosLabError(f"{self.path}: cannot write the journal: {error.strerror}") from error

    def events(self) -> Iterator[Event]:
        """Every fact in the order it was written. Raises ChaosLabError."""
        try:
            with self.path.open("rb") as file:
                yield from self._parse(file)
        except OSError as error:
            raise ChaosLabError(f"{self.path}: cannot read the journal: {error.strerror}") from error

    def _parse(self, lines: Iterator[bytes] | Any) -> Iterator[Event]:
        for number, line in enumerate(lines, start=1):
            try:
                yield Event.from_line(line)
            except (ValueError, KeyError, TypeError) as error:
                if not line.endswith(b"\n"):
                    return  # torn: the writer was cut off in the middle of its last line
                raise ChaosLabError(f"{self.path}:{number}: not an event of a ChaosLab journal") from error

    def of(self, *types: str) -> list[Event]:
        """The facts of those types."""
        return [event for event in self.events() if event.type in types]
