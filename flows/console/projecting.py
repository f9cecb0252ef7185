"""From a journal to what a page draws while the run lasts: frames, marks and lines, each with an id.

Pure and incremental: what is made of an event depends on the events before it and on nothing else, so the ids
(`segment:number`) are the same whoever reads the journal, and whenever. A frame is made ten times a second of the run's
clock, with each sample of usage, and holds the requests that ended in the second before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.console import words
from chaos.events import Event
from chaos.inert import inert
from chaos.latencies import DEFAULT_TIMEOUT_S, request_of
from chaos.measure.looks import Asked, look_of
from chaos.measure.usage import disk_percent
from chaos.metrics.last_second import LastSecond

MOST_LINES_A_SECOND = 50
_LINE_UP_TO = 2_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One event of the stream."""

    kind: str
    data: Mapping[str, Any]
    id: str


def _words(event: Event) -> str | None:
    """What a person is told of it; an event of an older version that lacks something is told by its type."""
    try:
        return words(event)
    except (KeyError, TypeError, ValueError):
        return event.type


@dataclass(slots=True)
class Projector:
    """Take every event of one journal, in order."""

    _segment: int = 0
    _number: int = 0
    _start: float | None = None
    """When the first phase of this segment began."""
    _phase: str = ""
    _timeout_s: float = DEFAULT_TIMEOUT_S
    _load: LastSecond = field(default_factory=LastSecond)
    _probes: dict[str, bool] = field(default_factory=dict)
    """Steady state -> whether all looks since the last frame were good."""
    _states: dict[str, Asked] = field(default_factory=dict)
    _second: int = 0
    _lines: int = 0

    def take(self, event: Event) -> list[Shown]:
        """What one more event adds."""
        shown: list[Shown] = []
        known: Mapping[str, Callable[[Event], Mapping[str, Any] | None]] = {
            "run.started": self._begin,
            "phase.started": self._turn,
            "load.sampled": self._request,
            "probe.sampled": self._look,
        }
        if event.type in known:
            known[event.type](event)
        elif event.type == "usage.sampled" and self._start is not None:
            shown.append(self._show("frame", self._frame(event, self._start)))
        elif event.type == "log.captured":
            shown += self._line(event)
        if said := _words(event):
            about = {"step": inert(str(event.data["step"]))} if "step" in event.data else {}
            mark = {"t": self._t(event), "what": event.type, **about, "words": inert(said)}
            shown.append(self._show("mark", mark))
        return shown

    def _show(self, kind: str, data: Mapping[str, Any]) -> Shown:
        self._number += 1
        return Shown(kind, data, f"{self._segment}:{self._number}")

    def _t(self, event: Event) -> float | None:
        """Seconds since the first phase; None before it."""
        return None if self._start is None else round(event.at - self._start, 3)

    def _begin(self, event: Event) -> None:
        plan = event.data.get("plan") or {}
        self._segment, self._number, self._start, self._phase = self._segment + 1, 0, None, ""
        self._timeout_s = float((plan.get("load") or {}).get("timeout_s") or DEFAULT_TIMEOUT_S)
        self._load, self._probes = LastSecond(), {}
        self._states = {each.name: each for each in map(Asked.read, plan.get("steady_state") or ())}

    def _turn(self, event: Event) -> None:
        self._start = event.at if self._start is None else self._start
        self._phase = str(event.data.get("phase", ""))

    def _request(self, event: Event) -> None:
        self._load.add(request_of(event.at, event.data, self._timeout_s))

    def _frame(self, event: Event, start: float) -> Mapping[str, Any]:
        second = self._load.at(event.at)
        made: dict[str, Any] = {
            "t": round(event.at - start, 3),
            "phase": self._phase,
            "cpu": event.data.get("cpu_percent"),
            "memory": event.data.get("memory_percent"),
            "disk": {inert(path): round(full, 2) for path, full in disk_percent(event.data).items()},
            "probes": dict(self._probes),
        }
        if second is not None:
            made["p50"], made["p95"] = second.latency_s.get("0.5"), second.latency_s.get("0.95")
            made["errors"], made["throughput"] = second.error_ratio, second.good_per_s
        self._probes.clear()
        return made

    def _look(self, event: Event) -> None:
        state = self._states.get(str(event.data.get("probe")))
        if state is not None and state.tolerance is not None and not state.of_data:
            good = look_of(event, state.tolerance).good
            self._probes[state.name] = good and self._probes.get(state.name, True)

    def _line(self, event: Event) -> list[Shown]:
        """A line of the target; of too many in one second only how many there were."""
        shown, second = [], int(event.at)
        if second != self._second:
            if (dropped := self._lines - MOST_LINES_A_SECOND) > 0:
                shown.append(self._show("log", {"dropped": dropped}))
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines <= MOST_LINES_A_SECOND:
            said = {name: inert(str(event.data.get(name) or "")) for name in ("process", "stream")}
            line = inert(str(event.data.get("line") or "")[:_LINE_UP_TO])
            shown.append(self._show("log", {"t": self._t(event), **said, "line": line}))
        return shown
