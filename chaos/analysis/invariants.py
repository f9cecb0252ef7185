"""Looks at data, judged together: whether what was there, or was acknowledged, is still there.

A look that saw no number (the app was away, or answered with an error) says nothing about its data: it is no look. An
app that is down loses nothing by that; what it lost shows when it answers again.

never decreases    bad: less than an earlier look had seen that was over before this one began.
acknowledged       a write is a request of the load with POST or PUT; it is acknowledged by a 2xx. Between an earlier
                   look and this one there must be as many more as were begun after that look was over and acknowledged
                   before this one began; what was under way meanwhile, or failed, may have been done or not. Compared
                   with the first look and with the last good one. `equals`: and no more than were ever sent.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import NamedTuple

from chaos.analysis.data_seen import DataSeen
from chaos.analysis.moments import clock
from chaos.analysis.record import Record
from chaos.analysis.recovery import JudgedSample
from chaos.events import Event
from chaos.invariants import AT_LEAST, EQUALS, number_of
from chaos.tolerances import Tolerance


class ObservedNumber(NamedTuple):
    """One look that saw a number."""

    at: float
    """When it began: intended time and lateness."""
    done: float
    number: float
    look: JudgedSample


@dataclass(slots=True)
class Writes:
    """The writes of a load."""

    acknowledged: list[tuple[float, float]] = field(default_factory=list)
    """(begun, answered), by begin."""
    sent: list[float] = field(default_factory=list)
    """When each was begun, each repetition once more."""
    _ends: list[float] = field(default_factory=list)
    _longest_s: float = 0.0

    @classmethod
    def of(cls, record: Record) -> "Writes":
        """Those of a run."""
        found = cls()
        for event in record.of("load.sampled"):
            data = event.data
            begun = event.at + float(data.get("late_ms") or 0.0) / 1000
            ended, status = event.at + float(data.get("took_ms") or 0.0) / 1000, data.get("status")
            if data.get("error") in ("late", "exhausted"):
                continue
            found.sent += [begun] * (2 if data.get("reopened") else 1)
            if isinstance(status, int) and 200 <= status < 300 and not data.get("error"):
                found.acknowledged.append((begun, ended))
        found.sent.sort()
        found.acknowledged.sort()
        found._ends = sorted(ended for _, ended in found.acknowledged)
        found._longest_s = max((ended - begun for begun, ended in found.acknowledged), default=0.0)
        return found

    def between(self, after: float, before: float) -> int:
        """How many were begun after one moment and acknowledged before another."""
        if before <= after:
            return 0
        first = bisect_left(self.acknowledged, (after, 0.0))
        early = bisect_left(self.acknowledged, (before - self._longest_s, 0.0))
        still_open = sum(ended > before for _, ended in self.acknowledged[min(first, early) : first])
        return bisect_right(self._ends, before) - (first - still_open)

    def by(self, moment: float) -> int:
        """How many were acknowledged by then."""
        return bisect_right(self._ends, moment)

    def sent_by(self, moment: float) -> int:
        """How many were sent by then, whatever became of them."""
        return bisect_right(self.sent, moment)


def seen_of(events: Sequence[Event], tolerance: Tolerance) -> list[ObservedNumber]:
    """The looks that saw a number, by the moment they began."""
    found = []
    for event in events:
        value, late_s = event.data.get("value"), float(event.data.get("late_ms") or 0.0) / 1000
        took_s = float(event.data.get("took_ms") or 0.0) / 1000
        if event.data.get("error") is not None or value is None or not tolerance.accepts(value, None, took_s):
            continue
        if (number := number_of(value, tolerance.number)) is not None:
            look = JudgedSample(event.at, took_s, good=True, late_s=late_s)
            found.append(ObservedNumber(event.at + late_s, event.at + took_s, number, look))
    return sorted(found, key=lambda each: each.at)


def judged(
    seen: Sequence[ObservedNumber], tolerance: Tolerance, writes: Writes
) -> tuple[list[JudgedSample], DataSeen | None]:
    """The looks, each good or bad, and what was lost at most."""
    if not seen:
        return [], None
    if tolerance.invariant in (EQUALS, AT_LEAST):
        return _acknowledged(seen, writes, exact=tolerance.invariant == EQUALS)
    return _never_decreases(seen)


def _never_decreases(seen: Sequence[ObservedNumber]) -> tuple[list[JudgedSample], DataSeen]:
    looks, worst = [], _Worst(seen)
    by_end = sorted(seen, key=lambda each: each.done)
    highest, passed = float("-inf"), 0
    for each in seen:
        while passed < len(by_end) and by_end[passed].done <= each.at:
            highest = max(highest, by_end[passed].number)
            passed += 1
        missing = max(0.0, highest - each.number)
        worst.take(each, missing, f"{highest:,.0f} had been seen before")
        looks.append(replace(each.look, good=missing <= 0))
    return looks, worst.told(None)


def _acknowledged(
    seen: Sequence[ObservedNumber], writes: Writes, *, exact: bool
) -> tuple[list[JudgedSample], DataSeen]:
    first = seen[0]
    settled = writes.by(first.at)
    looks, worst = [first.look], _Worst(seen)
    over: list[
        ObservedNumber
    ] = []  # good looks before this one that were over when it began: of others nobody knows the order
    under_way = [(first.done, 0, first)]
    for index, each in enumerate(seen[1:], start=1):
        while under_way and under_way[0][0] <= each.at:
            over = [*over[:1], heappop(under_way)[2]]
        least = max((one.number + writes.between(one.done, each.at) for one in over), default=each.number)
        most = first.number + writes.sent_by(each.done) - settled if exact else float("inf")
        missing, spare = least - each.number, each.number - most
        since = writes.between(first.done, each.at)
        worst.take(
            each,
            missing,
            f"{since:,} writes had been acknowledged since the first look at {first.number:,.0f}",
        )
        worst.take(each, spare, f"{most:,.0f} at most can have been written", more=True)
        good = missing <= 0 and spare <= 0
        if good:
            heappush(under_way, (each.done, index, each))
        looks.append(replace(each.look, good=good))
    return looks, worst.told(writes.by(float("inf")))


class _Worst:
    """The look that is the furthest from what had to be there."""

    def __init__(self, seen: Sequence[ObservedNumber]) -> None:
        self._first, self._last = seen[0].number, seen[-1].number
        self._off, self._said, self._more = 0.0, "", False

    def take(self, each: ObservedNumber, off: float, beside: str, *, more: bool = False) -> None:
        """One more."""
        if off > self._off:
            self._off, self._more = off, more
            what = "too many" if more else "missing"
            self._said = f"{each.number:,.0f} were there at {clock(each.at)}, and {beside}: {off:,.0f} {what}"

    def told(self, acknowledged: int | None) -> DataSeen:
        return DataSeen(
            first=self._first,
            last=self._last,
            acknowledged=acknowledged,
            lost=0.0 if self._more else self._off,
            surplus=self._off if self._more else 0.0,
            why=self._said,
        )
