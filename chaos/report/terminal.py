"""Inert standard output and error: no character of others acts on the terminal."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from chaos.text.inert import inert


class InertStream:
    """A text stream that writes inert text; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """As TextIO's; the length is that of what was given."""
        self.stream.write(inert(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """As TextIO's."""
        self.stream.writelines(map(inert, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def raw(stream: TextIO) -> TextIO:
    """The stream below, for a writer that makes its text inert itself and adds control sequences of ours."""
    return stream.stream if isinstance(stream, InertStream) else stream


@contextmanager
def inert_output() -> Iterator[None]:
    """What is printed while the block lasts is inert."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, InertStream(raw(each))) for each in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
