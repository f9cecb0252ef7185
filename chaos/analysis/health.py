"""Whether the run itself can be trusted: the load generator was punctual, the agent was awake, its clock ran evenly.

Each rule returns sentences; none when all is well. The limits are explained in docs/verdicts.md.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from chaos.analysis.disagreement import disagreements
from chaos.analysis.due import Due
from chaos.analysis.looks import PlannedSteadyState
from chaos.analysis.moments import clock, seconds
from chaos.analysis.record import Record
from chaos.analysis.recovery import JudgedSample
from chaos.analysis.standstill import Standstill, standstills
from chaos.analysis.timeline import Timeline
from chaos.statistics.latencies import Request, percentile
from chaos.tolerances import UNJUDGED

LATE_S = 0.05
"""A generator or probe whose p99 is later than this may have measured itself. Times count from the intended moment, so
lateness only makes them worse: it can explain a bad one, and does not weaken a good one."""
BURSTS_S = 0.25
"""Beyond this the requests came in bursts, and were not the load that was asked for."""
SENT_SHARE = 0.9
"""Below this share of the asked requests the load was not the load that was asked for."""
BACKWARDS_S = 0.1
"""A clock that goes back by more than this was set."""
SILENT_S = 2.0
"""An agent that writes ten usage samples a second and is silent for so long was not running, or time jumped.
"""

# Written at the moment they name. Samples of load and probes carry their intended time and may be written
# later.
_STAMPED = frozenset(
    {
        "phase.started",
        "phase.ended",
        "fault.injected",
        "fault.recovered",
        "baseline.judged",
        "usage.sampled",
        "agent.ended",
    }
)


@dataclass(frozen=True, slots=True)
class RunHealth:
    """The doubts about one run, by what they touch."""

    baseline: list[str]
    clock: list[str]
    late: list[str]
    bursts: list[str]
    exhausted: list[str]
    short: list[str]
    disagree: Sequence[str] = ()
    unjudged: Mapping[str, str] = field(default_factory=dict)
    """By the name of the steady state."""

    def explains(self, asked: PlannedSteadyState, looks: Sequence[JudgedSample]) -> list[str]:
        """What of our own could explain a bad look of this steady state."""
        doubts = [*self.clock, *(self.exhausted if asked.reads_load else [])]
        if asked.name in self.unjudged:
            doubts.append(self.unjudged[asked.name])
        if asked.metric == "throughput":
            return doubts + self.late + self.short
        if asked.reads_latency:
            doubts += self.late if asked.probe == "metric" else late_looks(looks)
        return doubts

    def weakens(self, asked: PlannedSteadyState) -> list[str]:
        """What forbids to call good what was seen good."""
        return [*self.clock, *([*self.exhausted, *self.bursts, *self.short] if asked.reads_load else [])]

    @property
    def of_the_run(self) -> list[str]:
        """What forbids the verdict `held`, whatever was looked at."""
        return [
            *self.baseline, *self.clock, *self.bursts, *self.exhausted, *self.short, *self.disagree,
            *self.unjudged.values(),
        ]  # fmt: skip


def examine(record: Record, timeline: Timeline, found: Sequence[Request]) -> RunHealth:
    """Look for every doubt; none at all of a run that has no plan."""
    if not record.plan:
        return RunHealth([], [], [], [], [], [])
    return RunHealth(
        baseline=baseline_doubts(record),
        clock=clock_doubts(record, timeline),
        late=late_doubts(found, timeline, LATE_S),
        bursts=late_doubts(found, timeline, BURSTS_S),
        exhausted=exhausted_doubts(found),
        short=short_doubts(found, timeline, Due.of(record), standstills(record.events)),
        disagree=disagreements(record, timeline, found),
        unjudged=unjudged_doubts(record),
    )


def late_doubts(found: Sequence[Request], timeline: Timeline, allowed_s: float) -> list[str]:
    """Phases in which the load generator was not punctual."""
    doubts: list[str] = []
    moments = [request.at for request in found]
    for span in timeline.spans:
        late_s = percentile(sorted(request.late_s for request in found[span.of(moments)]), 0.99)
        if late_s is not None and late_s > allowed_s:
            doubts.append(
                f"the load generator itself was late in the {span.name} phase (p99 {seconds(late_s)})"
            )
    return doubts


def exhausted_doubts(found: Sequence[Request]) -> list[str]:
    """Whether the generator ran out of sockets, which live metrics count as failures of the target."""
    lost = sum(request.failure == "exhausted" for request in found)
    return [f"the load generator itself ran out of sockets for {lost:,} requests"] if lost else []


def unjudged_doubts(record: Record) -> dict[str, str]:
    """Looks whose text could not be judged, for each steady state: neither good nor bad."""
    looks = Counter(
        str(event.data.get("probe"))
        for event in record.of("probe.sampled")
        if event.data.get("error") == UNJUDGED
    )
    return {
        name: f"{count} looks at {name} could not be judged: its pattern needs too much work for what was seen"
        for name, count in looks.items()
    }


def late_looks(looks: Sequence[JudgedSample]) -> list[str]:
    """Whether the agent was late to look, so that the times it saw are partly its own."""
    late_s = percentile(sorted(look.late_s for look in looks), 0.99)
    if late_s is None or late_s <= LATE_S:
        return []
    return [f"the probe itself was late (p99 {seconds(late_s)})"]


def short_doubts(
    found: Sequence[Request], timeline: Timeline, due: Due, ordered: Sequence[Standstill] = ()
) -> list[str]:
    """Phases in which less was sent than asked, but for the time that the machine stood still by order."""
    doubts: list[str] = []
    moments = [request.at for request in found]
    for span in timeline.spans:
        asked = due.between(span.start, span.end) - sum(
            due.between(max(each.start, span.start), min(each.end, span.end)) for each in ordered
        )
        sent = sum(request.sent for request in found[span.of(moments)])
        if span.closed and sent < SENT_SHARE * asked - 1:
            doubts.append(f"only {sent} of {asked:.0f} asked requests were sent in the {span.name} phase")
    return doubts


def clock_doubts(record: Record, timeline: Timeline) -> list[str]:
    """Why times cannot be trusted: the clock went back, or the agent was frozen."""
    stamped = [event.at for event in record.events if event.source == "agent" and event.type in _STAMPED]
    doubts = [
        f"the sandbox's clock went back by {seconds(earlier - later)} at {clock(earlier)}"
        for earlier, later in pairwise(stamped)
        if earlier - later > BACKWARDS_S
    ]
    return doubts + _silences(record, timeline)


def _silences(record: Record, timeline: Timeline) -> list[str]:
    """Gaps in usage samples, the agent's heartbeat, from the first phase to the last."""
    if not timeline.spans:
        return []
    start, end = timeline.spans[0].start, timeline.spans[-1].end
    beats = [start, *(event.at for event in record.of("usage.sampled") if start < event.at < end), end]
    allowed_s = max(SILENT_S, 3 / float(record.plan.get("sample_hz") or 10))
    ordered = standstills(record.events)
    return [
        f"the agent recorded nothing for {seconds(later - earlier)} from {clock(earlier)}: "
        "it was frozen, or its clock jumped"
        for earlier, later in pairwise(beats)
        if later - earlier - _stood_still_s(ordered, earlier, later) > allowed_s
    ]


def _stood_still_s(ordered: Sequence[Standstill], start: float, end: float) -> float:
    """For how long of that time it did so by order."""
    return sum(max(0.0, min(each.end, end) - max(each.start, start)) for each in ordered)


def baseline_doubts(record: Record) -> list[str]:
    """Whether the agent itself found the baseline steady, before it injected anything."""
    judged = record.first("baseline.judged")
    if judged is not None and judged.data.get("steady") is True:
        return []
    return ["nothing says that the agent found the baseline steady before it injected anything"]
