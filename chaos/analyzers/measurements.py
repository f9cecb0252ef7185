"""Every number of a result that words may speak of, each with its name, its unit, and what it is a number of.

This is the only source of numbers in an analysis that a model writes: it refers to them by id, and what it writes by
itself must match one of them (`claims`). Values are in base units: seconds, percent, bytes, counts.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from chaos.events import Event
from chaos.measure.latency import failures, requests
from chaos.measure.moments import name_and_unit, number, percent, seconds
from chaos.measure.record import Record
from chaos.measure.result import LoadSummary, Result, SteadyStateResult, StepResult
from chaos.measure.timeline import Timeline

Unit = Literal["s", "%", "B", "/s", "B/s", "x", ""]
PERCENTILES = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number. `quantity` is what it is a number of, the other words say which one of that quantity."""

    id: str
    value: float
    unit: Unit
    quantity: str
    stat: str = ""
    """p50, p95, p99; peak; rise (a difference), ratio."""
    phase: str = ""
    subject: str = ""
    """The steady state, step, process or disk it belongs to."""
    kind: str = ""
    """Of failures: timeout, refused, reset, http_503, …; of a fault's numbers: asked or delivered."""
    whole: str = ""
    """The id of the number that this one is a part of: 20 of 41."""

    @property
    def shown(self) -> str:
        """As people read it."""
        match self.unit:
            case "s":
                return seconds(self.value)
            case "%":
                return percent(self.value / 100)
            case "B" | "B/s":
                return _bytes(self.value) + self.unit[1:]
            case "x":
                return f"{number(self.value)} times"
            case "":
                return f"{self.value:,.0f}"
        return f"{number(self.value)}{self.unit}"

    @property
    def meaning(self) -> str:
        """What it is a number of, in words."""
        parts = [self.stat, self.kind, self.quantity, f"of “{self.subject}”" if self.subject else ""]
        parts.append({"": "", "fault": "under the fault"}.get(self.phase, f"in the {self.phase}"))
        return " ".join(part for part in parts if part)


def measurements(result: Result, events: Sequence[Event]) -> Mapping[str, Measurement]:
    """All of them by id, the most telling first."""
    return {each.id: each for each in _all(result, events)}


def _all(result: Result, events: Sequence[Event]) -> Iterator[Measurement]:
    record = Record(events)
    for phase in ("fault", "baseline", "recovery"):
        if (load := result.load.get(phase)) and load.sent:
            yield from _load(phase, load)
    yield from _change(result)
    yield from _kinds(record)
    yield from _recovery(result)
    yield from _usage(result)
    for index, step in enumerate(result.steps, start=1):
        yield from _step(index, step)
    for index, state in enumerate(result.steady_state, start=1):
        yield from _state(index, state)
    yield from _processes(record)


def _load(phase: str, load: LoadSummary) -> Iterator[Measurement]:
    for stat in PERCENTILES:
        if (value := getattr(load, stat)) is not None:
            yield Measurement(f"{phase}.latency_{stat}", value, "s", "latency", stat, phase)
    yield Measurement(f"{phase}.errors", load.errors, "", "errors", "", phase, whole=f"{phase}.requests")
    yield Measurement(f"{phase}.error_rate", load.error_rate * 100, "%", "errors", "", phase)
    yield Measurement(f"{phase}.requests", load.sent, "", "requests", "", phase)
    good = load.sent - load.errors
    yield Measurement(f"{phase}.good", good, "", "good answers", "", phase, whole=f"{phase}.requests")
    yield Measurement(f"{phase}.throughput", load.throughput, "/s", "throughput", "", phase)


def _change(result: Result) -> Iterator[Measurement]:
    before, under = result.load.get("baseline"), result.load.get("fault")
    for stat in PERCENTILES:
        was, now = getattr(before, stat, None), getattr(under, stat, None)
        if was and now:
            yield Measurement(f"rise.latency_{stat}", now - was, "s", "latency", f"{stat} rise", "fault")
            yield Measurement(f"ratio.latency_{stat}", now / was, "x", "latency", f"{stat} ratio", "fault")


def _kinds(record: Record) -> Iterator[Measurement]:
    """Under the fault, how many requests failed in which way."""
    span = Timeline(record).span("fault")
    if span is None:
        return
    found = [request for request in requests(record) if span.start <= request.at < span.end]
    for kind, count in failures(found):
        yield Measurement(
            f"fault.failed_{kind}", count, "", "errors", "", "fault", "", kind, "fault.requests"
        )


def _recovery(result: Result) -> Iterator[Measurement]:
    judged = [state for state in result.steady_state if state.resolution_seconds is not None]
    slowest = max(judged, key=lambda state: state.recovery_time_seconds or 0.0, default=None)
    if slowest and all(state.recovery_time_seconds is not None for state in judged):
        yield Measurement("recovery_time", slowest.recovery_time_seconds or 0.0, "s", "recovery time")
        yield Measurement("resolution", slowest.resolution_seconds or 0.0, "s", "resolution")


def _usage(result: Result) -> Iterator[Measurement]:
    usage = result.usage
    for name, value in (("cpu", usage.cpu_peak_percent), ("memory", usage.memory_peak_percent)):
        if value is not None:
            yield Measurement(f"{name}_peak", value, "%", name, "peak")
    if usage.memory_peak_bytes is not None:
        yield Measurement("memory_peak_bytes", usage.memory_peak_bytes, "B", "memory", "peak")
    for path, full in usage.disk_peak_percent.items():
        yield Measurement(f"disk_peak:{path}", full, "%", "disk", "peak", subject=path)


def _step(index: int, step: StepResult) -> Iterator[Measurement]:
    for role, values in (("asked", step.asked), ("delivered", step.delivered)):
        for key in step.asked:
            value = values.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield _fault_number(f"step{index}.{role}_{key}", key, value, step.name, role)
    if step.held_s is not None:
        yield Measurement(f"step{index}.held", step.held_s, "s", "hold", subject=step.name)


def _fault_number(id: str, key: str, value: float, step: str, role: str) -> Measurement:
    name, unit = name_and_unit(key)
    match unit.strip():
        case "ms":
            return Measurement(id, value / 1000, "s", name, subject=step, kind=role)
        case "%":
            return Measurement(id, value, "%", name, subject=step, kind=role)
        case "B":
            return Measurement(id, value, "B", name, subject=step, kind=role)
        case "s":
            return Measurement(id, value, "s", name, subject=step, kind=role)
        case "/s":
            rate: Unit = "B/s" if name.endswith("bytes") else "/s"
            return Measurement(id, value, rate, name.removesuffix(" bytes"), subject=step, kind=role)
    return Measurement(id, value, "", name, subject=step, kind=role)


def _state(index: int, state: SteadyStateResult) -> Iterator[Measurement]:
    one = f"state{index}"
    yield Measurement(f"{one}.samples", state.samples, "", "samples", subject=state.name)
    for phase in ("baseline", "fault", "recovery"):
        bad = getattr(state, f"{phase}_bad")
        yield Measurement(
            f"{one}.{phase}_bad", bad, "", "bad samples", "", phase, state.name, whole=f"{one}.samples"
        )
    if state.bad_share is not None and all(each.what == "samples" for each in state.tested):
        yield Measurement(f"{one}.bad_share", state.bad_share * 100, "%", "bad samples", subject=state.name)
    if state.recovery_time_seconds is not None:
        value = state.recovery_time_seconds
        yield Measurement(f"{one}.recovery_time", value, "s", "recovery time", subject=state.name)


def _processes(record: Record) -> Iterator[Measurement]:
    ended = Counter(str(event.data.get("process")) for event in record.of("process.exited"))
    for name, count in ended.items():
        yield Measurement(f"exits:{_id(name)}", count, "", "exits", subject=name)
    if retried := sum(_RETRY.search(str(e.data.get("line"))) is not None for e in record.of("log.captured")):
        yield Measurement("retry_lines", retried, "", "retries")


_RETRY = re.compile(r"\bre-?tr(?:y|ie[sd]|ying)\b|\battempt\b", re.IGNORECASE)


def _id(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)


def _bytes(value: float) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(value) >= size:
            return f"{number(value / size)} {unit}"
    return f"{value:.0f} B"
