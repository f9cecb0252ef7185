"""Live charts of one trial: one frame for every slot of its phases.

A frame comes LAG_S after its slot is over, for most requests have ended by then. One that ends later belongs to where
it was meant to be sent, as in the report: the frames that it changes come again, once a second. Nothing changes a
frame any more when the longest timeout is over; so no more is kept than that, however long the run.
"""

from collections import deque
from collections.abc import Iterator
from math import ceil, isfinite

from chaos.analysis.chart import LONGEST_S, WINDOW_S
from chaos.analysis.looks import PlannedSteadyState, look_of
from chaos.analysis.timeline import PHASES
from chaos.events import Event
from chaos.live.items import SLOT_S, Frame
from chaos.live.load import RecentRequests
from chaos.live.slots import Slot
from chaos.run_spec.model import RunSpec

LAG_S = 0.25
AGAIN_EVERY = 10
"""Slots."""
_SPARE_S = 3.0
"""Beyond every timeout: a machine may pause any program for a while."""
_STANDSTILL_S = 1.0
"""An agent that was silent for longer did not run."""
_LONGEST_RUN_S = 30 * 24 * 3600.0
"""Of a trial; longer ones are no trials of ours, and would be frames without end."""
_MOST_PHASES, _MOST_WAITING = 64, 10_000
_NOT_SEEN = ("too few", "exhausted")
_SAMPLES = frozenset({"load.sampled", "probe.sampled", "usage.sampled"})
_INTENDED = frozenset({"load.sampled", "probe.sampled"})
"""Written when they have ended, with the time for which they were intended: they do not say how late it is."""


class Charts:
    """Of one segment."""

    def __init__(self, segment: int, plan: RunSpec) -> None:
        self.begin: float | None = None
        """When the first phase began."""
        self._segment = segment
        self._requests = RecentRequests(plan)
        states = [PlannedSteadyState.read(state) for state in plan.steady_state]
        self._tolerances = {
            state.name: state.tolerance
            for state in states
            if state.tolerance is not None and not state.of_data
        }
        """Looks at data are judged together, when all are known: a frame has none of them."""
        patience = [self._requests.timeout_s, *(state.patience_s for state in states)]
        self._horizon_s = max(patience) + LONGEST_S + _SPARE_S
        self._slots: dict[int, Slot] = {}
        self._phases: list[tuple[float, str]] = []
        self._ends: dict[str, float] = {}
        self._next = 0
        self._again: set[int] = set()
        self._due = 0
        self._waiting: list[Event] = []
        """Samples after a phase: of the next one, or of nothing that is shown."""
        self._latest = float("-inf")
        self._known = self._settled = float("-inf")
        """Of what was asked before `_settled`, nothing can end any more."""
        self._still: deque[tuple[float, float]] = deque()

    def take(self, event: Event) -> Iterator[Frame]:
        """The frames that an event of the agent's completes, or changes."""
        if not isfinite(event.at) or (self.begin is not None and event.at > self.begin + _LONGEST_RUN_S):
            raise ValueError(f"its time is {event.at:g}")
        self._latest = max(self._latest, event.at)
        if event.type == "phase.started":
            self._phase(event)
        elif event.type == "phase.ended":
            self._ends[str(event.data.get("phase"))] = event.at
        elif event.type in _SAMPLES and self._in_reach(event.at):
            self._sample(event)
        if event.type not in _INTENDED:
            self._advance(event.at)
            yield from self._over()

    def end(self) -> Iterator[Frame]:
        """There is nothing more: the frames that are left, up to where the report ends, and those that changed."""
        if self.begin is None:
            return
        began, name = self._phases[-1]
        until = self._ends.get(name, max(self._latest, began))  # where the report's charts end
        yield from self._changed(until)
        last = max([ceil((until - self.begin) / SLOT_S), *(index + 1 for index in self._slots)])
        while (index := self._with_data(last)) is not None:
            yield from self._frame(index, until)
            self._next = index + 1

    @property
    def kept(self) -> int:
        """How much is in memory: requests and slots."""
        return len(self._requests) + len(self._slots)

    def _phase(self, event: Event) -> None:
        name = str(event.data.get("phase"))
        if name not in PHASES:
            return
        if len(self._phases) >= _MOST_PHASES:
            raise ValueError("it has too many phases")
        self._phases.append((event.at, name))
        self.begin = event.at if self.begin is None else self.begin
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._sample(each)

    def _sample(self, event: Event) -> None:
        closed = self._ends.get(self._phases[-1][1])
        if closed is not None and event.at > closed:
            self._waiting += [event] if len(self._waiting) < _MOST_WAITING else []
        elif event.type == "load.sampled":
            self._request(event)
        elif event.type == "probe.sampled":
            self._look(event)
        else:
            index = self._index(event.at)
            self._slot(index).use(event.data)
            self._again.add(index)

    def _request(self, event: Event) -> None:
        if self._requests.add(event.at, event.data):
            first = self._index(event.at)
            self._again.update(range(first, first + round(LONGEST_S / SLOT_S) + 2))

    def _look(self, event: Event) -> None:
        name = str(event.data.get("probe"))
        tolerance = self._tolerances.get(name)
        if tolerance is None or event.data.get("error") in _NOT_SEEN:
            return
        look = look_of(event, tolerance)
        index = self._index(event.at)
        if self._slot(index).look(name, look.good, look.took_s):
            self._again.add(index)

    def _advance(self, at: float) -> None:
        """It is so late by now. A time in which the whole machine stood still counts for nobody's patience."""
        if at - self._known > _STANDSTILL_S and self.begin is not None:
            self._still.append((self._known, at))
        self._known = max(self._known, at)
        settled = self._known - self._horizon_s
        for before, after in reversed(self._still):
            if after > settled:
                settled -= after - before
        while self._still and self._still[0][1] <= settled:
            self._still.popleft()
        self._settled = settled

    def _over(self) -> Iterator[Frame]:
        """What is due by now."""
        if self.begin is None:
            return
        closed = self._ends.get(self._phases[-1][1])
        until = self._known - LAG_S if closed is None else min(self._known - LAG_S, closed)
        over = int((until - self.begin) / SLOT_S + 1)
        while self.begin + over * SLOT_S > until:
            over -= 1
        while (index := self._with_data(over)) is not None:
            yield from self._frame(index, until)
            self._next = index + 1
            if self._next >= self._due:
                yield from self._changed(until)
        self._next = max(self._next, over)

    def _with_data(self, before: int) -> int | None:
        """The next slot of which there may be something to tell; None when there is none before that one."""
        if self._next >= before:
            return None
        if self._next in self._slots:
            return self._next
        first = self._requests.first_after((self.begin or 0.0) + self._next * SLOT_S - WINDOW_S - SLOT_S)
        near = [index for index in self._slots if index >= self._next]
        near += [] if first is None else [max(self._next, self._index(first))]
        found = min(near, default=before)
        return found if found < before else None

    def _changed(self, until: float) -> Iterator[Frame]:
        """Once more, what has changed; and what cannot change any more is forgotten."""
        self._due = self._next + AGAIN_EVERY
        for index in sorted(each for each in self._again if each < self._next):
            yield from self._frame(index, until)
            self._again.discard(index)
        told = (self.begin or 0.0) + self._next * SLOT_S
        settled = min(self._settled, told) - LONGEST_S - SLOT_S
        self._requests.forget(settled)
        for index in [each for each in self._slots if (self.begin or 0.0) + each * SLOT_S < settled]:
            del self._slots[index]

    def _frame(self, index: int, until: float) -> Iterator[Frame]:
        """One, unless there is nothing to tell of it."""
        begin = self.begin or 0.0
        self._again.discard(index)
        at = min(begin + (index + 1) * SLOT_S, until)
        second = self._requests.window(begin, at) if index < ceil((until - begin) / SLOT_S) else None
        slot = self._slots.get(index)
        if slot is None and second is None:
            return
        slot = slot or Slot()
        yield Frame(
            segment=self._segment,
            index=index,
            at=at,
            t=round(at - begin, 3),
            phase=self._phase_at(begin + index * SLOT_S),
            p50=second and second.p50,
            p95=second and second.p95,
            errors=second and second.errors,
            throughput=second and second.throughput,
            cpu=slot.cpu,
            memory=slot.memory,
            disk=dict(slot.disk),
            probes=dict(slot.probes),
        )

    def _phase_at(self, moment: float) -> str:
        return next((name for at, name in reversed(self._phases) if at <= moment), self._phases[0][1])

    def _in_reach(self, at: float) -> bool:
        """Whether it is of the phases, and not older than anything could be."""
        return self.begin is not None and at >= self.begin and at >= self._settled

    def _index(self, at: float) -> int:
        return int((at - (self.begin or 0.0)) / SLOT_S)

    def _slot(self, index: int) -> Slot:
        return self._slots.setdefault(index, Slot())
