"""Moments in which the whole machine stood still by order: what was under way then was observed by nobody.

A frozen machine looks at nothing and sends nothing. Where its clock stands still, too, its journal shows no gap; where
that goes on (a machine whose processes are stopped) everything that was due comes late and at once, which says nothing
about the app. Only a gap that the controller confirms, by its own clock, is one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from chaos.events import Event

_OBSERVED = frozenset({"load.sampled", "probe.sampled"})
_AROUND_S = 0.5
"""The agent's last sign of life before, and its first after, lie within it."""


class Standstill(NamedTuple):
    """From when to when, Unix seconds of the agent's clock."""

    start: float
    end: float

    def covers(self, start: float, end: float) -> bool:
        """Whether something from `start` to `end` was under way in it."""
        return start < self.end and end > self.start


def standstills(events: Sequence[Event]) -> list[Standstill]:
    """Every gap that a side-band sample tells of and that was no longer than its controller saw it last."""
    found = []
    for event in events:
        data = event.data
        if event.type != "fault.measured" or "gap_s" not in data:
            continue
        if float(data["gap_s"]) <= float(data["resumed_at"]) - float(data["asked_at"]) + _AROUND_S:
            end = event.at - float(data["gap_over_s_ago"])
            found.append(Standstill(end - float(data["gap_s"]), end))
    return found


def awake(events: Sequence[Event]) -> Sequence[Event]:
    """The events without looks and requests that were under way while everything stood still."""
    gaps = standstills(events)
    if not gaps:
        return events

    def counts(event: Event) -> bool:
        if event.type not in _OBSERVED:
            return True
        end = event.at + float(event.data.get("took_ms") or 0.0) / 1000
        return not any(gap.covers(event.at, end) for gap in gaps)

    return [event for event in events if counts(event)]
