"""Metrics of a target: usage, load, probes, faults and processes.

Each part hears of its events and writes, at a tick, what is true then. A writer of None: nothing is to be written yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from chaos.analysis.looks import PlannedSteadyState, look_of
from chaos.analysis.recovery import JudgedSample
from chaos.analysis.usage import disk_percent
from chaos.events import Event
from chaos.publish.prometheus.last_second import LENGTH_S, QUANTILES, LastSecond
from chaos.publish.prometheus.sample_writer import SampleWriter
from chaos.statistics.latencies import DEFAULT_TIMEOUT_S, request_of


def write_usage(event: Event, pen: SampleWriter | None) -> None:
    """One sample of usage, at once."""
    if pen is None:
        return
    data, at = event.data, event.at
    pen.put("chaoslab_cpu_usage_ratio", at, _share(data.get("cpu_percent")))
    pen.put("chaoslab_memory_usage_ratio", at, _share(data.get("memory_percent")))
    pen.put("chaoslab_memory_usage_bytes", at, _number(data.get("memory_bytes")))
    for path, percent in disk_percent(data).items():
        pen.put("chaoslab_disk_usage_ratio", at, _share(percent), path=path)
    for name, used in (data.get("processes") or {}).items():
        pen.put("chaoslab_process_cpu_usage_ratio", at, _share(used.get("cpu_percent")), process=name)
        pen.put("chaoslab_process_memory_bytes", at, _number(used.get("rss_bytes")), process=name)


class LoadMetrics:
    """The requests of the last second."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._timeout_s = float((plan.get("load") or {}).get("timeout_s") or DEFAULT_TIMEOUT_S)
        self._window = LastSecond()
        self._began = inf

    def started(self, event: Event) -> None:
        """The first request is sent now."""
        self._began = event.at

    def sampled(self, event: Event) -> None:
        """One has ended."""
        self._window.add(request_of(event.at, event.data, self._timeout_s))

    def ended(self, event: Event) -> None:
        """No more are sent."""
        self._began = inf

    def write(self, at: float, pen: SampleWriter) -> None:
        """Latency and errors end while nothing is answered, rather than stand still; throughput is 0 then.

        Of nothing but failures there is no latency.
        """
        second = self._window.at(at)
        for name in QUANTILES:
            latency = "chaoslab_request_latency_seconds"
            if second is None or name not in second.latency_s:
                pen.stop(latency, at, quantile=name)
            else:
                pen.put(latency, at, second.latency_s[name], quantile=name)
        if second is None:
            pen.stop("chaoslab_request_error_ratio", at)
        else:
            pen.put("chaoslab_request_error_ratio", at, second.error_ratio)
        if at - self._began >= LENGTH_S:
            good = second.good_per_s if second else 0.0
            pen.put("chaoslab_throughput_requests_per_second", at, good)
        else:
            pen.stop("chaoslab_throughput_requests_per_second", at)


@dataclass(slots=True)
class _Look:
    """The looks at one steady state that no tick has shown."""

    asked: PlannedSteadyState
    ended: list[JudgedSample] = field(default_factory=list)
    last: float = -inf

    def add(self, event: Event) -> None:
        if self.asked.tolerance is not None:
            self.ended.append(look_of(event, self.asked.tolerance))

    def write(self, at: float, pen: SampleWriter) -> None:
        name = self.asked.name
        if looks := [look for look in self.ended if look.at + look.took_s <= at]:
            self.ended = [look for look in self.ended if look.at + look.took_s > at]
            self.last = at
            pen.put("chaoslab_probe_success", at, float(all(look.good for look in looks)), steady_state=name)
            if self.asked.probe != "metric":  # whose looks take no time
                slowest_s = max(look.took_s for look in looks)
                pen.put("chaoslab_probe_duration_seconds", at, slowest_s, steady_state=name)
        elif at - self.last > self.asked.longest_gap_s:
            pen.stop("chaoslab_probe_success", at, steady_state=name)
            pen.stop("chaoslab_probe_duration_seconds", at, steady_state=name)


class Looks:
    """Every steady state: the worst look since the last tick."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        asked = [PlannedSteadyState.read(state) for state in plan.get("steady_state") or ()]
        self._states = {state.name: _Look(state) for state in asked}

    def sampled(self, event: Event) -> None:
        """One look has ended; those at stop conditions are not shown."""
        if state := self._states.get(str(event.data.get("probe"))):
            state.add(event)

    def write(self, at: float, pen: SampleWriter) -> None:
        """Nothing where nobody looked since; until that has been for too long."""
        for state in self._states.values():
            state.write(at, pen)


class StepMetrics:
    """Whether the fault of each step is in place."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        steps = plan.get("method") or ()
        self._faults = {str(step["name"]): str((step.get("fault") or {}).get("type")) for step in steps}
        self._acting: set[str] = set()

    def injected(self, event: Event, pen: SampleWriter | None) -> None:
        """It is, from now on."""
        step = str(event.data.get("step"))
        self._acting.add(step)
        self._write(step, event.at, pen)

    def recovered(self, event: Event, pen: SampleWriter | None) -> None:
        """It is no more."""
        step = str(event.data.get("step"))
        self._acting.discard(step)
        self._write(step, event.at, pen)

    def write(self, at: float, pen: SampleWriter) -> None:
        """Every step."""
        for step in self._faults:
            self._write(step, at, pen)

    def _write(self, step: str, at: float, pen: SampleWriter | None) -> None:
        if pen is not None and step in self._faults:
            acting = float(step in self._acting)
            pen.put("chaoslab_fault_active", at, acting, fault=self._faults[step], step=step)


class Processes:
    """Whether each process runs, and how often it was started again."""

    def __init__(self) -> None:
        self._up: dict[str, tuple[bool, float]] = {}

    def started(self, event: Event, pen: SampleWriter | None) -> None:
        """It runs."""
        self._note(event, pen, up=True, restarts=_number(event.data.get("restarts")) or 0.0)

    def exited(self, event: Event, pen: SampleWriter | None) -> None:
        """It runs no more."""
        _, restarts = self._up.get(str(event.data.get("process")), (False, 0.0))
        self._note(event, pen, up=False, restarts=restarts)

    def _note(self, event: Event, pen: SampleWriter | None, *, up: bool, restarts: float) -> None:
        name = str(event.data.get("process"))
        self._up[name] = (up, restarts)
        if pen is not None:
            self._write(name, event.at, pen)

    def write(self, at: float, pen: SampleWriter) -> None:
        """Every process that was ever started."""
        for name in self._up:
            self._write(name, at, pen)

    def _write(self, name: str, at: float, pen: SampleWriter) -> None:
        up, restarts = self._up[name]
        pen.put("chaoslab_process_up", at, float(up), process=name)
        pen.put("chaoslab_process_restarts_total", at, restarts, process=name)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _share(percent: object) -> float | None:
    number = _number(percent)
    return None if number is None else number / 100
