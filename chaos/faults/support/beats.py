"""Count for how long this machine has really been running: whoever stands still does not count.

A thread adds up the time between its beats, and leaves out every gap that no busy machine makes. From outside the sum
is read before and after: what is missing from the time in between, by the reader's own clock, is time in which nothing
here ran, whether the clocks in here went on meanwhile (processes that were stopped) or stood still, too (a microVM).
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_EVERY_S = 0.02
STOOD_STILL_S = 0.3
"""A longer gap is one in which nothing ran; a shorter one counts as running: a busy machine must not look frozen."""


@dataclass
class Beats:
    """The sum so far, and the longest gap: when it was over (monotonic) and how long it was."""

    ran_s: float = 0.0
    gap_s: float = 0.0
    gap_over: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def beat(self, now: float) -> None:
        """Another sign of life."""
        since = now - self._last
        self._last = now
        if since <= STOOD_STILL_S:
            self.ran_s += since
        elif since > self.gap_s:
            self.gap_s, self.gap_over = since, now


@contextmanager
def beating(file: Path) -> Iterator[Beats]:
    """Beat until the end of the block; the file always holds the sum in seconds, in 20 characters."""
    beats, over = Beats(), threading.Event()
    to = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def beat_on() -> None:
        while not over.wait(_EVERY_S):
            beats.beat(time.monotonic())
            os.pwrite(to, f"{beats.ran_s:20.6f}".encode(), 0)

    os.pwrite(to, f"{0:20.6f}".encode(), 0)
    thread = threading.Thread(target=beat_on, name="beats", daemon=True)
    thread.start()
    try:
        yield beats
    finally:
        over.set()
        thread.join()
        os.close(to)
        file.unlink()
