"""The gate: what the host takes from an agent's journal, byte by byte verified. Pure.

Each line must carry the mark that only the agent can make (`chaos.events.signing`), be one JSON object of the agent's
own types by their schema (`chaos.events.codec`), follow its predecessor's number, and tell of a moment that the host's
clock allows. The first line that is anything else ends it: nothing after it can be believed.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from chaos.errors import JournalTampered
from chaos.events import Event
from chaos.events.signing import MARK_BYTES, SignatureChain

LINE_BYTES = 2**20
"""The longest line; the agent clips what is longer."""
JOURNAL_BYTES = 258 * 2**20
"""The most that is ever taken: the agent's own limit (`chaos.agent.record`), and what its last lines may need."""
EARLY_S = 1.0
"""How long before the agent's own start an event may be: rounding."""
AHEAD_S = 5.0
"""How far ahead of the host's clock: clocks of two machines differ by some parts in a million."""

_KEYS = {"seq", "at", "source", "type", "data"}


class Taken(NamedTuple):
    """One event, and its line as our own journal keeps it: without its mark, with its newline."""

    event: Event
    line: bytes


class Gate:
    """One journal from its first line to its last. `began` is when the agent was started, Unix seconds of the host."""

    def __init__(self, key: bytes, began: float) -> None:
        from chaos.events.codec import check  # thirty dataclasses: read while the agent itself begins

        self._why_not = check
        self._chain = SignatureChain(key)
        self._began = began
        self._first_at: float | None = None
        self.seq = 0
        """The number of the last line that was taken."""
        self.offset = 0
        """Where in the agent's journal the next one begins."""
        self.ahead_s = float("-inf")
        """The most by which an event was ahead of the host's clock."""
        self.over = False
        """Whether the agent has said that it ended: nothing after that is taken."""

    def resume(self, event: Event, line: bytes) -> None:
        """Go on after a line that was taken before, by this process or another: from our own journal."""
        self._chain.mark(line.rstrip(b"\n"))
        self._pass(event, len(line) + MARK_BYTES)

    def take(self, data: bytes, now: float) -> Iterator[Taken]:
        """The events of every whole line in `data`, which begins at `offset`; `now` is the host's Unix time.

        What is behind the last newline is left for the next time. Raises JournalTampered at the first line that is not
        the agent's; those before it are good.
        """
        begin = 0
        while not self.over and (end := data.find(b"\n", begin)) >= 0:
            if end - begin > LINE_BYTES:
                self._refuse("too long")
            if self.offset + end + 1 - begin > JOURNAL_BYTES:
                self._refuse(f"beyond the {JOURNAL_BYTES >> 20} MiB that are taken of a journal")
            yield self._taken(data[begin:end], now)
            begin = end + 1
        if not self.over and len(data) - begin > LINE_BYTES:
            self._refuse("too long")

    def _taken(self, signed: bytes, now: float) -> Taken:
        line = self._chain.verified(signed)
        if line is None:
            self._refuse("not signed by the agent")
        event = self._event(line)
        self._check_moment(event, now)
        self._pass(event, len(signed) + 1)
        return Taken(event, line + b"\n")

    def _event(self, line: bytes) -> Event:
        body = self._parsed(line)
        if type(body) is not dict or body.keys() != _KEYS:
            self._refuse("no event")
        if body["source"] != "agent":
            self._refuse("said to be somebody else's than the agent's")
        if type(body["seq"]) is not int or body["seq"] != self.seq + 1:
            self._refuse(f"not the one with the number {self.seq + 1}")
        if type(body["type"]) is not str:
            self._refuse("no event")
        if why := self._why_not(body["type"], body["data"]):
            self._refuse(why)
        if (body["type"] == "agent.started") != (self.seq == 0):
            self._refuse("agent.started is the first event, and only the first")
        if type(body["at"]) not in (float, int) or not -1e11 < body["at"] < 1e11:
            self._refuse("without a moment")
        return Event(body["type"], float(body["at"]), body["data"], "agent", body["seq"])

    def _parsed(self, line: bytes) -> Any:
        if not line.isascii():
            self._refuse("no line of JSON as the agent writes it")
        try:
            return json.loads(line, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
        except (ValueError, RecursionError):
            self._refuse("not a whole JSON object")

    def _check_moment(self, event: Event, now: float) -> None:
        """Hold it against the host's clock; on another machine that may be set otherwise, so the first event sets it.

        The agent wrote its first event after it was started: so its clock is ahead by at most the difference, and no
        later event may be ahead of now by more.
        """
        first_at = event.at if self._first_at is None else self._first_at
        if event.at < first_at - EARLY_S:
            self._refuse("of a time before the agent was started")
        ahead_s = event.at - now - (first_at - self._began)
        self.ahead_s = max(self.ahead_s, ahead_s)
        if ahead_s > AHEAD_S:
            self._refuse(f"of a time that the host's clock has not reached, by {ahead_s:.1f} s")

    def _pass(self, event: Event, size: int) -> None:
        self._first_at = event.at if self._first_at is None else self._first_at
        self.seq += 1
        self.offset += size
        self.over = event.type == "agent.ended"

    def _refuse(self, why: str) -> NoReturn:
        raise JournalTampered(f"the journal was tampered with: line {self.seq + 1}: {why}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made


def _no_number(_word: str) -> NoReturn:
    raise ValueError("not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value
