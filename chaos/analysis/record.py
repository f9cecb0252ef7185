"""A run's events, grouped once by type, and the plan they were meant to carry out.

Everything here tolerates a journal that was cut off anywhere: what was not written is absent, never guessed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from chaos.events import Event
from chaos.run_spec.model import RunSpec


class Record:
    """Read access to one run's events."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self._by_type: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            self._by_type[event.type].append(event)

    def of(self, *types: str) -> list[Event]:
        """Events of these types, type after type, each in the order they were written."""
        return [event for type in types for event in self._by_type.get(type, ())]

    def first(self, type: str) -> Event | None:
        """The first event of a type."""
        return next(iter(self._by_type.get(type, ())), None)

    def last(self, type: str) -> Event | None:
        """The last event of a type."""
        return next(reversed(self._by_type.get(type, [])), None)

    def has(self, *types: str) -> bool:
        """Whether an event of any of these types was written."""
        return any(self._by_type.get(type) for type in types)

    @property
    def started(self) -> Mapping[str, Any]:
        """The facts of `run.started`; empty when it was never written."""
        event = self.first("run.started")
        return event.data if event else {}

    @property
    def has_plan(self) -> bool:
        """Whether the order was ever written."""
        return isinstance(self.started.get("plan"), Mapping)

    @cached_property
    def plan(self) -> RunSpec:
        """The order this run was given; when it was never written, one that asks for nothing. Raises SpecError."""
        return RunSpec.of_journal(self.started.get("plan") if self.has_plan else None)

    @property
    def seed(self) -> int | None:
        """What decided the random choices of the whole run; each further trial's own seed is drawn from it."""
        seed = self.started.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def begin(self) -> float:
        """When the first event happened, Unix seconds."""
        return min((event.at for event in self.events), default=0.0)

    @property
    def end(self) -> float:
        """When the last event that the sandbox wrote happened (of the whole journal, if it wrote none)."""
        times = [event.at for event in self.events if event.source == "agent"]
        return max(times or [event.at for event in self.events], default=0.0)
