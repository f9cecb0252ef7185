"""Projection of a journal's events into samples. Pure and incremental: live and offline are the same.

Usage is written at each of its samples. The rest is written every 250 ms, of what has ended since: a look or a request
is known when it has ended, and by then a later one may have ended before it. That faults begin and end, and that
processes do, is written at its very moment, too.

Everything has the time at which it was known, of the agent's clock. So samples come in order, and none is late.
"""

from collections.abc import Callable, Mapping
from math import inf, isfinite
from typing import Any

from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.publish.prometheus.sample_writer import SampleWriter
from chaos.publish.prometheus.samples import LAST_MS, Sample
from chaos.publish.prometheus.target import LoadMetrics, Looks, Processes, StepMetrics, write_usage

TICK_MS = 250
_INTENDED = frozenset({"load.sampled", "probe.sampled"})
"""Written when they have ended, with the time for which they were intended: they do not say how late it is."""
SILENCE_S = 2.0
"""An agent that was silent for longer was not running: then there is nothing to show, not even the last value."""


class Projection:
    """Of one run. Feed it every event in the order of its journal."""

    def __init__(self) -> None:
        self._pen = SampleWriter()
        self.labels: dict[str, str] = {}
        """What all samples have in common; without it, nobody could tell whose they are, and there are none."""
        self._phase = ""
        self._known = -inf
        """When the last event was written, by the agent's clock."""
        self._tick_ms = 0
        self._begin({})

    def take(self, event: Event) -> list[Sample]:
        """The samples that it completes. Raises ChaosLabError when it is no event of a journal of ours."""
        try:
            if event.source == "agent" and event.type not in _INTENDED:
                self._advance(event.at)
            if handle := self._on.get(event.type):
                handle(event)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            what = f"event {event.seq} ({event.type}) is not as ChaosLab writes it"
            raise ChaosLabError(f"{what}: {error}") from error
        return self._pen.page()

    def end(self) -> list[Sample]:
        """There will be no more: the series end where the last event was."""
        self._end_phase(self._known)
        return self._pen.page()

    def _started(self, event: Event) -> None:
        """A run, or another trial of it, begins."""
        self._end_phase(self._known)
        self._known = -inf
        plan = event.data.get("plan") or {}
        processes = [str(process["name"]) for process in plan.get("processes") or ()]
        self.labels = {
            "experiment": str(event.data.get("experiment", "")),
            "run": str(event.data.get("run_id", "")),
            "target": str(plan.get("target") or next(iter(processes), "unknown")),
        }
        self._pen.begin(self.labels)
        self._begin(plan)

    def _begin(self, plan: Mapping[str, Any]) -> None:
        self._load = LoadMetrics(plan)
        self._looks = Looks(plan)
        self._steps = StepMetrics(plan)
        self._processes = Processes()
        self._on: Mapping[str, Callable[[Event], None]] = {
            "run.started": self._started,
            "phase.started": self._phase_started,
            "phase.ended": lambda event: self._end_phase(event.at),
            "usage.sampled": lambda event: self._in_phase(write_usage, event),
            "load.started": self._load.started,
            "load.sampled": self._load.sampled,
            "load.ended": self._load.ended,
            "probe.sampled": self._looks.sampled,
            "process.started": lambda event: self._in_phase(self._processes.started, event),
            "process.exited": lambda event: self._in_phase(self._processes.exited, event),
            "fault.injected": lambda event: self._in_phase(self._steps.injected, event),
            "fault.recovered": lambda event: self._in_phase(self._steps.recovered, event),
            "agent.ended": lambda event: self._end_phase(event.at),
            "run.ended": lambda event: self._end_phase(self._known),
        }

    def _phase_started(self, event: Event) -> None:
        self._end_phase(event.at)
        phase = str(event.data["phase"])
        self._phase = phase if self.labels else ""
        self._pen.turn(phase)
        self._tick_ms = _next_tick(event.at)

    def _end_phase(self, at: float) -> None:
        if self._phase:
            self._phase = ""
            self._pen.stop_all(at)

    def _in_phase(self, write: Callable[[Event, SampleWriter | None], None], event: Event) -> None:
        write(event, self._pen if self._phase else None)

    def _advance(self, known: float) -> None:
        """It is `known` now: write what is due at every tick before that."""
        if not (isfinite(known) and 0 <= known * 1000 <= LAST_MS):
            raise ValueError(f"its time is {known:g}")
        if self._phase and known - self._known > SILENCE_S:
            self._pen.stop_all(self._known)
            self._tick_ms = _next_tick(known)
        while self._phase and self._tick_ms < known * 1000:
            for part in (self._load, self._looks, self._steps, self._processes):
                part.write(self._tick_ms / 1000, self._pen)
            self._tick_ms += TICK_MS
        self._known = max(self._known, known)


def _next_tick(at: float) -> int:
    """The multiple of TICK_MS after a moment."""
    return (int(at * 1000) // TICK_MS + 1) * TICK_MS
