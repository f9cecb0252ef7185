"""Arrival of the agent's events by the host's clock: how long none came while we looked, and how far any was ahead.

The agent's own clock says little about an agent that was stopped, or that somebody else wrote for. Once a second this
becomes a `journal.followed` of ours, so that whoever judges the journal later sees what we saw.
"""

import time
from collections.abc import Iterable
from typing import Any

from chaos.events import Event

GIVE_UP_S = 10.0
"""An agent that writes ten samples a second and then nothing for so long does not run."""
_SAY_EVERY_S = 1.0
_ONE_LOOK_S = 0.5
"""What one look counts for at most: if we stood still ourselves, the agent's silence is not its own."""


class HostClock:
    """Unix time of this process: the wall clock read once, then one that neither is set nor stops in a suspend."""

    def __init__(self) -> None:
        self._offset = time.time() - _elapsed()

    def now(self) -> float:
        """Unix seconds."""
        return _elapsed() + self._offset


def _elapsed() -> float:
    """CLOCK_BOOTTIME of clock_gettime(2), which Linux has."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


HOST_CLOCK = HostClock()


class Arrivals:
    """Of one agent's journal. All moments are monotonic seconds of the host."""

    def __init__(self) -> None:
        self._expected = False
        """Whether a phase is under way: then the agent samples usage ten times a second."""
        self._looked: float | None = None
        self._said: float | None = None
        self._longest_s = 0.0
        self.silent_s = 0.0
        """For how long nothing has come by now, although it should."""

    def took(self, looked: float, events: Iterable[Event]) -> None:
        """A look that began at `looked` brought these."""
        before = self._expected
        beat = False
        for event in events:
            beat = beat or event.type == "usage.sampled"
            if event.type in ("phase.started", "phase.ended"):
                self._expected = event.type == "phase.started"
        since_s = 0.0 if self._looked is None else min(looked - self._looked, _ONE_LOOK_S)
        self._looked = looked
        self.silent_s = self.silent_s + since_s if before and self._expected and not beat else 0.0
        self._longest_s = max(self._longest_s, self.silent_s)

    def due(self, seq: int, ahead_s: float, *, last: bool = False) -> dict[str, Any] | None:
        """The data of a `journal.followed`, once a second and at the end: `{seq, silent_s, ahead_s}`.

        `seq` is the last event's, `silent_s` the longest silence since the last such event.
        """
        if self._looked is None or seq == 0:
            return None
        self._said = self._looked if self._said is None else self._said
        if not last and self._looked - self._said < _SAY_EVERY_S:
            return None
        self._said = self._looked
        longest_s, self._longest_s = self._longest_s, self.silent_s
        return {"seq": seq, "silent_s": round(longest_s, 3), "ahead_s": round(ahead_s, 3)}
