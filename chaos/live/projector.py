"""Projector: a journal's events into items of a live view. Pure.

Feed it every event in the order of the journal. What comes out is numbered from 1 without a gap, so that whoever has
read up to a number goes on from there, with another projector of the same journal, too.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.live.charts import Charts
from chaos.live.items import End, Item, LogEntry, Mark, StepFidelity
from chaos.live.side import Measured
from chaos.report.console import words
from chaos.text.inert import one_line

LINES_A_SECOND = 50
_MOST_CHARACTERS = 2000


class Projector:
    """Of one run, of however many trials."""

    def __init__(self) -> None:
        self.segment = 1
        self._charts = Charts(1, {})
        self._measured: dict[str, Measured] = {}
        self._faults: Mapping[str, Any] = {}
        self._second, self._lines, self._dropped = 0, 0, 0
        self._ended = self._begun = False

    def take(self, event: Event) -> list[Item]:
        """What it completes. Raises ChaosLabError when it is no event of a journal of ours."""
        try:
            return list(self._take(event))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            what = f"event {event.seq} ({one_line(event.type)}) is not as ChaosLab writes it"
            raise ChaosLabError(f"{what}: {error}") from error

    def end(self) -> list[Item]:
        """There will be no more, though the journal does not say so: the frames that are left."""
        return [] if self._ended else list(self._charts.end())

    @property
    def kept(self) -> int:
        """How much is in memory, for those who count it."""
        return self._charts.kept + sum(each.kept for each in self._measured.values())

    def _take(self, event: Event) -> Iterator[Item]:
        if event.type == "run.started":
            yield from self.end()
            self._begin(event)
        if event.source == "agent":
            yield from self._charts.take(event)
        if (handle := self._on.get(event.type)) is not None:
            yield from handle(self, event)
        elif event.type not in _SILENT and (said := _said(event)) is not None:
            yield self._mark(event, said)

    def _begin(self, event: Event) -> None:
        plan = event.data.get("plan") or {}
        self.segment += self._begun
        self._begun, self._ended = True, False
        self._charts = Charts(self.segment, plan)
        self._faults = {str(step.get("name")): step.get("fault") or {} for step in plan.get("method") or ()}
        self._measured = {}

    def _injected(self, event: Event) -> Iterator[Item]:
        step = str(event.data.get("step"))
        asked = event.data.get("asked") or {}
        if step in self._faults:
            self._measured[step] = Measured(self._faults[step], asked)
        yield self._mark(event, _said(event) or step)

    def _sampled(self, event: Event) -> Iterator[Item]:
        step = str(event.data.get("step"))
        measured = self._measured.get(step)
        found = None if measured is None else measured.take(event.at, event.data)
        if found is not None:
            yield StepFidelity(
                segment=self.segment, at=event.at, t=self._t(event.at), step=one_line(step), **found
            )

    def _captured(self, event: Event) -> Iterator[Item]:
        if int(event.at) != self._second:
            dropped, self._dropped, self._lines, self._second = self._dropped, 0, 0, int(event.at)
        else:
            dropped = 0
        self._lines += 1
        if self._lines > LINES_A_SECOND:
            self._dropped += 1
            return
        yield LogEntry(
            segment=self.segment,
            at=event.at,
            t=self._t(event.at),
            process=one_line(str(event.data.get("process"))),
            stream=one_line(str(event.data.get("stream"))),
            line=one_line(str(event.data.get("line"))[:_MOST_CHARACTERS]),
            dropped=dropped,
        )

    def _over(self, event: Event) -> Iterator[Item]:
        if not self._ended:
            yield from self._charts.end()
            self._ended = True
        yield self._mark(event, "the trial is over")
        said = (one_line(str(event.data.get(key, "")))[:_MOST_CHARACTERS] for key in ("outcome", "why"))
        yield End(segment=self.segment, outcome=next(said), why=next(said))

    def _mark(self, event: Event, said: str) -> Mark:
        step, phase = event.data.get("step"), event.data.get("phase")
        return Mark(
            segment=self.segment,
            at=event.at,
            t=self._t(event.at),
            what=one_line(event.type),
            words=one_line(said)[:_MOST_CHARACTERS],
            step=None if step is None else one_line(str(step)),
            phase=None if phase is None else one_line(str(phase)),
        )

    def _t(self, at: float) -> float | None:
        begin = self._charts.begin
        return None if begin is None else round(at - begin, 3)

    _on: Mapping[str, "Callable[[Projector, Event], Iterator[Item]]"] = {
        "fault.injected": _injected,
        "fault.measured": _sampled,
        "log.captured": _captured,
        "run.ended": _over,
    }


def _said(event: Event) -> str | None:
    """What happened, in words; of an event of another version its type."""
    try:
        return words(event)
    except (KeyError, TypeError, ValueError, AttributeError):
        return event.type


_SILENT = frozenset({"usage.sampled", "load.sampled", "probe.sampled", "log.counted"})
