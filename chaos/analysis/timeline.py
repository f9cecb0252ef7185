"""When each phase ran and when each fault was in place, read from the events."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.analysis.record import Record
from chaos.events import Event

PHASES = ("baseline", "fault", "recovery")


@dataclass(frozen=True, slots=True)
class Span:
    """One phase. `closed` is False when the journal stops inside it; `end` is then the last thing it
    recorded."""

    name: str
    start: float
    end: float
    closed: bool

    def of(self, moments: Sequence[float]) -> slice:
        """The part of sorted `moments` that belongs to this phase; the end itself belongs to what follows."""
        return slice(bisect_left(moments, self.start), bisect_left(moments, self.end))


@dataclass(slots=True)
class FaultWindow:
    """What the journal says of one step: when its fault was put in place, when and why it was undone, what
    was seen."""

    step: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    mechanism: str = ""
    kind: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    injected_at: float | None = None
    ending_at: float | None = None
    """When its undo began; `recovered_at` is when that was done."""
    recovered_at: float | None = None
    because: str = ""
    residue: list[str] = field(default_factory=list)
    met: Mapping[str, Any] | None = None
    """How often the target met it; None in journals that do not say."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """(stage, why) of every `fault.failed`."""
    measured: list[Event] = field(default_factory=list)


class Timeline:
    """Phases and fault windows of one run.

    A phase lasts until the next one starts, so that no sample falls between two; the last one ends when the
    agent said so. A sample belongs to the phase of its *intended* time: what a slow system delayed is not
    moved with it.
    """

    def __init__(self, record: Record) -> None:
        self.spans = _spans(record)
        self.windows = _windows(record)

    def span(self, phase: str) -> Span | None:
        """The phase of that name, when it began at all."""
        return next((span for span in self.spans if span.name == phase), None)

    def phase_at(self, at: float) -> str | None:
        """The phase that a moment belongs to."""
        return next((span.name for span in self.spans if span.start <= at < span.end), None)

    def step_at(self, at: float) -> str | None:
        """The step whose fault was in place at a moment."""
        for window in self.windows.values():
            if window.injected_at is not None and window.injected_at <= at <= (window.recovered_at or at):
                return window.step
        return None

    @property
    def end(self) -> float | None:
        """When the last phase ended, as far as recorded."""
        return self.spans[-1].end if self.spans else None


def _spans(record: Record) -> tuple[Span, ...]:
    starts = [(str(event.data.get("phase")), event.at) for event in record.of("phase.started")]
    starts = [each for each in starts if each[0] in PHASES]  # a warm-up comes before all that is judged
    ends = {str(event.data.get("phase")): event.at for event in record.of("phase.ended")}
    spans: list[Span] = []
    for index, (name, start) in enumerate(starts):
        following = starts[index + 1][1] if index + 1 < len(starts) else None
        end = ends.get(name, max(record.end, start)) if following is None else following
        spans.append(Span(name, start, end, closed=following is not None or name in ends))
    return tuple(spans)


def _windows(record: Record) -> dict[str, FaultWindow]:
    windows: dict[str, FaultWindow] = {}
    for event in record.of("fault.injected", "fault.measured", "fault.recovered", "fault.failed"):
        step = str(event.data.get("step"))
        _note(windows.setdefault(step, FaultWindow(step)), event)
    return windows


def _note(window: FaultWindow, event: Event) -> None:
    data = event.data
    match event.type:
        case "fault.injected":
            window.injected_at = event.at
            window.mechanism, window.kind = str(data.get("mechanism", "")), str(data.get("kind", ""))
            window.asked, window.notes = data.get("asked") or {}, data.get("notes") or {}
        case "fault.measured":
            window.measured.append(event)
        case "fault.recovered":
            window.recovered_at, window.because = event.at, str(data.get("because", ""))
            window.ending_at = data.get("began_at")
            window.residue = [str(left) for left in data.get("residue") or ()]
            window.met = data.get("met")
        case "fault.failed":
            window.failures.append((str(data.get("stage", "")), str(data.get("why", ""))))


def between(moments: Sequence[float], start: float, end: float) -> slice:
    """The part of sorted `moments` from `start` to `end`, both included."""
    return slice(bisect_left(moments, start), bisect_right(moments, end))
