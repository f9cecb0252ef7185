"""JSON lines both ways between a fault in the agent and its helper process: one message a line.

The child's end is `mine()`, its standard input and output; the parent makes one from the pipes of the child.
"""

import functools
import json
import os
import select
import time
from collections.abc import Mapping
from typing import Any

ANSWERS_WITHIN_S = 15.0
"""A helper is a Python that has to start first, on a machine that may be slow; one that has ended is known at once."""


class Channel:
    """One end. Owns neither descriptor."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self._rest = b""

    def fileno(self) -> int:
        """The descriptor to wait on; when readable, ask `receive(0)` until None: lines come in bunches."""
        return self._reading

    def send(self, message: Mapping[str, Any]) -> None:
        """Write one message. Raises OSError when the other end is gone."""
        line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        while line:
            line = line[os.write(self._writing, line) :]

    def receive(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """The next message; None when none came in time (None waits for ever). Raises EOFError at the end."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._rest:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._reading], [], [], left)[0]:
                return None
            chunk = os.read(self._reading, 65536)
            if not chunk:
                raise EOFError("the other end of the channel is gone")
            self._rest += chunk
        line, self._rest = self._rest.split(b"\n", 1)
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError(f"not a message: {line[:80]!r}")
        return message


@functools.cache
def mine() -> Channel:
    """The end of this process when it is a helper."""
    return Channel(0, 1)


def send(message: Mapping[str, Any]) -> None:
    """Tell the parent."""
    mine().send(message)


def receive(timeout_s: float | None = None) -> dict[str, Any] | None:
    """What the parent said; None when it said nothing in time. Raises EOFError when the parent is gone."""
    return mine().receive(timeout_s)
