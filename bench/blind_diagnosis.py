"""Blind diagnosis: the fault named from what the target showed, its labels hidden.

Used to find out how far an analysis can be trusted to tell causes apart (`bench/diagnosis.py`). Each rule is a
mechanism, not a likeness: a disk that fills, memory that no process of the target holds, a process that is ended from
outside, a floor under every answer, work that fails while the process is well. The first that applies is the diagnosis.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from chaos.analysis.moments import clock, percent, seconds
from chaos.analysis.record import Record
from chaos.analysis.timeline import Span, Timeline
from chaos.analysis.usage import disk_percent
from chaos.events import Event
from chaos.statistics.latencies import percentile

CALM = "none"
"""Nothing was done to it."""
CLASSES = ("network_delay", "memory_pressure", "disk_full", "process_kill", "dependency_failure", CALM)

FULLER_BY = 30.0
NEARLY_FULL = 80.0
"""A disk that was filled: so many points fuller than before, and at least so full, in percent."""
MEMORY_BY = 10.0
"""Points of the memory limit that are in use and held by no process of the target."""
FLOOR, FLOOR_BY_S = 0.25, 0.05
"""Even the fastest quarter of the answers is slower by this much: noise slows some, a delay slows all, and it ends."""
FAILING = 0.1
SLOWER_BY, SLOWER_BY_S = 3.0, 0.02
"""Of the load, beside a health probe that is well."""

_SHOWN = (
    *("phase.started", "phase.ended", "load.sampled", "probe.sampled", "usage.sampled", "log.captured"),
    *("process.started", "process.ready", "process.exited", "process.failed", "memory.killed"),
)
_PEER = re.compile(
    r"refused|reset by peer|timed? ?out|unreachable|does not answer|unavailable|name or service|no route",
    re.I,
)


def blinded(events: Sequence[Event]) -> list[Event]:
    """What the target showed and when: no plan, no name, no event of a fault."""
    return [event for event in events if event.type in _SHOWN]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The fault that explains the evidence best, and why."""

    fault: str
    because: str


class Showing:
    """Blind evidence, before, under and after the fault phase."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.record = Record(events)
        timeline = Timeline(self.record)
        nothing = Span("", 0.0, 0.0, closed=True)
        self.before = timeline.span("baseline") or nothing
        self.under = timeline.span("fault") or nothing
        self.after = timeline.span("recovery") or nothing

    def of(self, span: Span, *types: str) -> list[Event]:
        """The events of a phase."""
        found = [event for event in self.record.of(*types) if span.start <= event.at < span.end]
        return [event for event in found if event.data.get("probe") not in self._metrics]

    @cached_property
    def _metrics(self) -> frozenset[object]:
        """Probes that ask nobody but our own count of the load, which is quick whatever the target does."""
        found = self.record.of("probe.sampled")
        return frozenset(e.data.get("probe") for e in found if _keys(e.data.get("value")) == {"value"})

    def took_s(self, span: Span, type_: str) -> list[float]:
        """How long good answers took, and how long was waited for those that never came; in order of length."""
        found = (e.data for e in self.of(span, type_) if not _failed(e) or e.data.get("error") == "timeout")
        return sorted(float(data.get("took_ms") or 0.0) / 1000 for data in found)

    def failing(self, span: Span, type_: str) -> float:
        """The share of looks or requests that failed."""
        found = self.of(span, type_)
        return sum(map(_failed, found)) / len(found) if found else 0.0

    @cached_property
    def own_errors(self) -> float:
        """The share of requests under the fault that the app, alive, answered with an error of its own."""
        found = self.of(self.under, "load.sampled")
        return sum(int(e.data.get("status") or 0) >= 500 for e in found) / len(found) if found else 0.0

    @cached_property
    def kills(self) -> list[Event]:
        """When the kernel, or the limit, ended a process for want of memory."""
        return self.of(self.under, "memory.killed")


def _keys(value: object) -> set[str]:
    return set(value) if isinstance(value, dict) else set()


def _failed(event: Event) -> bool:
    status = event.data.get("status", event.data.get("value"))
    if isinstance(status, dict):
        status = status.get("status")
    return bool(event.data.get("error")) or (isinstance(status, int) and status >= 400)


def diagnose(events: Sequence[Event]) -> Diagnosis:
    """The first rule that applies."""
    showing = Showing(events)
    for fault, rule in _RULES:
        if because := rule(showing):
            return Diagnosis(fault, because)
    return Diagnosis(CALM, "nothing stands out from the baseline")


def _memory(showing: Showing) -> str:
    """Memory that none of the target's processes holds."""
    under, before = (showing.of(span, "usage.sampled") for span in (showing.under, showing.before))
    if not under or not before:
        return ""
    # Pages that forked workers share count for each of them, so that a worker's end alone leaves more unexplained.
    more = min(
        median(map(measure, under)) - median(map(measure, before)) for measure in (_unexplained, _in_use)
    )
    if more < MEMORY_BY:
        return ""
    killed = f"; {len(showing.kills)} processes were killed for want of it" if showing.kills else ""
    return f"{percent(more / 100)} of the memory came into use by no process of the target{killed}"


def _unexplained(event: Event) -> float:
    """Percent of the limit."""
    used, share = float(event.data["memory_bytes"]), float(event.data["memory_percent"])
    own = sum(float(each.get("rss_bytes") or 0) for each in (event.data.get("processes") or {}).values())
    return share - 100 * own / (used * 100 / share) if used and share else 0.0


def _in_use(event: Event) -> float:
    """Percent of the limit."""
    return float(event.data["memory_percent"])


def _disk(showing: Showing) -> str:
    before, under = (_fullest(showing.of(span, "usage.sampled")) for span in (showing.before, showing.under))
    for path, full in under.items():
        if full >= NEARLY_FULL and full - before.get(path, 0.0) >= FULLER_BY:
            return f"“{path}” went from {percent(before.get(path, 0.0) / 100)} to {percent(full / 100)} full"
    return ""


def _fullest(samples: Iterable[Event]) -> dict[str, float]:
    found: dict[str, float] = {}
    for event in samples:
        for path, full in disk_percent(event.data).items():
            found[path] = max(full, found.get(path, 0.0))
    return found


def _killed(showing: Showing) -> str:
    """A process that was ended by a signal that nothing in the sandbox explains."""
    ended = [e for e in showing.of(showing.under, "process.exited") if e.data.get("signal")]
    if not ended or showing.kills:
        return ""
    first = ended[0]
    return f"“{first.data.get('process')}” was ended by {first.data['signal']} at {clock(first.at)}"


def _delayed(showing: Showing) -> str:
    """Even the fastest answers of the probe, and of the load, are slower; and they are answers.

    Where no probe looks at the target itself, the load's alone say so, when no process complains of a peer.
    """
    if showing.own_errors >= FAILING:
        return ""
    kinds = [kind for kind in ("probe.sampled", "load.sampled") if showing.of(showing.under, kind)]
    if not kinds or (len(kinds) == 1 and _complaint(showing)):
        return ""
    floors = [_lifted_s(showing, kind) for kind in kinds]
    if min(floors) < FLOOR_BY_S:
        return ""
    return f"every answer takes at least {seconds(min(floors))} longer than before and after"


def _lifted_s(showing: Showing, kind: str) -> float:
    """How much higher the floor of the answers is than before and after; 0 when it varied as much by itself before."""
    before, under, after = (
        showing.took_s(span, kind) for span in (showing.before, showing.under, showing.after)
    )
    usual, now, again = (percentile(each, FLOOR) for each in (before, under, after))
    if usual is None or now is None or again is None:
        return 0.0
    lifted_s = now - max(usual, again)
    varied_s = (percentile(before, 0.9) or 0.0) - (percentile(before, 0.1) or 0.0)
    return lifted_s if lifted_s > varied_s else 0.0


def _dependency(showing: Showing) -> str:
    """The work fails or is slow while the process itself is well, or well enough to say that it fails."""
    if showing.own_errors >= FAILING and showing.failing(showing.before, "load.sampled") < FAILING:
        return f"{percent(showing.own_errors)} of the requests were answered with an error of the app's own"
    if showing.failing(showing.under, "probe.sampled") >= FAILING:
        return ""
    if complaint := _complaint(showing):
        return complaint
    if (failing := showing.failing(showing.under, "load.sampled")) >= FAILING:
        return f"{percent(failing)} of the requests failed while the process was well"
    was, now = (
        median(showing.took_s(span, "load.sampled") or [0.0]) for span in (showing.before, showing.under)
    )
    probe = percentile(showing.took_s(showing.under, "probe.sampled"), 0.5) or 0.0
    if now - was >= SLOWER_BY_S and now >= SLOWER_BY * max(was, probe):
        return (
            f"requests took {seconds(now)} instead of {seconds(was)} while the process itself answered fast"
        )
    return ""


def _complaint(showing: Showing) -> str:
    """A line of a log under the fault, of none before it, that a peer failed."""
    usual = {str(event.data.get("line")) for event in showing.of(showing.before, "log.captured")}
    for event in showing.of(showing.under, "log.captured"):
        if (line := str(event.data.get("line"))) not in usual and _PEER.search(line):
            return f"“{event.data.get('process')}” wrote at {clock(event.at)} that a peer failed it"
    return ""


_RULES: tuple[tuple[str, Callable[[Showing], str]], ...] = (
    ("disk_full", _disk),
    ("memory_pressure", _memory),
    ("process_kill", _killed),
    ("network_delay", _delayed),
    ("dependency_failure", _dependency),
)
