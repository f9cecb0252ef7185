"""One fact of a run, and the line it is written as.

A journal is NDJSON: `{"seq": 7, "at": 1763812345.123456, "source": "agent", "type": "fault.injected", "data": {…}}`.
Types are past tense and dotted; nobody edits an event, meaning is computed later. `at` is Unix seconds, taken from the
monotonic clock anchored once at start, so that a clock step inside the sandbox cannot reorder a run.

A run of several trials is written one after the other into one journal; each trial, and each control (a trial whose
faults are withheld), is a segment: it begins with `run.started` and ends with `run.ended`.

Every type has a dataclass: those of the agent in `chaos.events.agent` and `chaos.events.samples`, and nothing else is
taken of it (`chaos.runner.gate`); those of the host in `chaos.events.host`. docs/journal.md is made from them.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

_encoded = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""`json.dumps` with the same options would make an encoder for each line: a quarter of what a line costs."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. `data` is JSON; units are in its key names."""

    type: str
    at: float
    data: Mapping[str, Any] = field(default_factory=dict)
    source: str = "agent"
    seq: int = 0

    def to_line(self) -> bytes:
        """The NDJSON line of this event, newline included."""
        body = {
            "seq": self.seq,
            "at": round(self.at, 6),
            "source": self.source,
            "type": self.type,
            "data": self.data,
        }
        return _encoded(body).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes | str) -> "Event":
        """Read one line; raises ValueError when it is not a whole event (a torn last line)."""
        try:
            body = json.loads(line)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if not isinstance(body, dict) or not isinstance(body.get("type"), str):
            raise ValueError("not an event")
        return cls(
            body["type"],
            float(body["at"]),
            body.get("data", {}),
            body.get("source", "agent"),
            body.get("seq", 0),
        )


def segments(events: Sequence[Event]) -> list[Sequence[Event]]:
    """The trials and controls of a run, each with its own `run.started`; whatever precedes the first belongs to it."""
    starts = [index for index, event in enumerate(events) if event.type == "run.started"]
    cuts = [0, *starts[1:], len(events)]
    return [events[start:end] for start, end in pairwise(cuts)]


class Clock:
    """Unix time that only moves forward: the wall clock read once, then the monotonic clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Unix seconds."""
        return time.monotonic() + self._offset

    def at(self, monotonic_s: float) -> float:
        """The Unix seconds of a monotonic reading."""
        return monotonic_s + self._offset
