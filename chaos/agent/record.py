"""Append events to the journal inside the sandbox; from any thread, one whole line a write."""

import os
import threading
from typing import Any

from chaos.events import Clock, Event
from chaos.secrecy import Masker


class Record:
    """The open journal. A line is written with one call, so a reader sees at most one torn line: the last."""

    def __init__(self, path: str, clock: Clock, masker: Masker | None = None) -> None:
        self.clock = clock
        self.masked = masker or Masker()
        """What no line may hold is taken out here; who cuts a text short masks it before that."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._lock = threading.Lock()
        self._seq = 0

    def emit(self, type_: str, at: float | None = None, /, **data: Any) -> None:
        """Write one fact; `at` is Unix seconds, now by default."""
        with self._lock:
            self._seq += 1
            event = Event(
                type_, self.clock.now() if at is None else at, self.masked.data(data), "agent", self._seq
            )
            os.write(self._file, event.to_line())
