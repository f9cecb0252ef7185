"""The looks of one steady state: what its probe saw, judged by its tolerance, and how much of the run they
cover."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

from chaos.analysis.data_seen import DataSeen
from chaos.analysis.invariants import Writes, judged, seen_of
from chaos.analysis.record import Record
from chaos.analysis.recovery import JudgedSample
from chaos.errors import SpecError
from chaos.events import Event
from chaos.probes.metric import MetricProbe
from chaos.run_spec.parts import ProbeSpec, StateSpec
from chaos.statistics.latencies import QUANTILES, WITH_FAILURES
from chaos.text.automaton import PatternError
from chaos.text.regex import pattern_of
from chaos.tolerances import Tolerance
from chaos.verdict import LATENCY_OF_ANSWERS, RULES

LOAD_METRICS = (*QUANTILES, "error_rate", "throughput")
_NOT_SEEN = ("too few", "exhausted")
"""Older journals have samples of looks that saw nothing, for a reason of ours."""
GAP_FLOOR_S = 0.25
"""A shared machine may pause any program this long; it says nothing about a run."""


@dataclass(frozen=True, slots=True)
class PlannedSteadyState:
    """One steady state of the plan. `tolerance` is None when this version cannot read it."""

    name: str
    probe: str
    metric: str | None
    tolerance: Tolerance | None
    holds: str
    budget: float
    recover_within_s: float | None
    every_s: float
    patience_s: float
    """How long one look may take, or (a metric) how far it looks back."""

    @classmethod
    def read(cls, state: StateSpec, rules: int = RULES) -> "PlannedSteadyState":
        """That of a plan, as these rules understand it."""
        metric, known = _metric_probe(state)
        return cls(
            name=state.name,
            probe=state.probe.type,
            metric=_metric(None if metric is None else metric.metric, rules),
            tolerance=_tolerance(state) if known else None,
            holds=state.holds,
            budget=state.budget,
            recover_within_s=state.recover_within_s,
            every_s=state.probe.every or ProbeSpec.every,
            patience_s=state.probe.longest_s + (0.0 if metric is None else metric.window),
        )

    @property
    def of_data(self) -> bool:
        """Whether it is an invariant: its looks are judged together, and those that see no number are none."""
        return self.tolerance is not None and self.tolerance.invariant is not None

    @property
    def window_s(self) -> float:
        """How long a look remembers: a metric is computed over its last moments."""
        return self.patience_s if self.probe == "metric" else 0.0

    @property
    def by_request(self) -> bool:
        """Whether it is judged by the requests of a phase instead of by its looks."""
        return self.tolerance is not None and self.tolerance.share_of_requests(self.metric) is not None

    @property
    def of_answers(self) -> bool:
        """Whether it counts answers and timeouts, and leaves other failures to the error rate."""
        return self.metric in QUANTILES and not str(self.metric).endswith(WITH_FAILURES)

    @property
    def reads_load(self) -> bool:
        """Whether it is computed from the load."""
        return self.metric in LOAD_METRICS

    @property
    def reads_latency(self) -> bool:
        """Whether the agent's own lateness would make it worse."""
        of_looks = self.tolerance is not None and self.tolerance.max_latency is not None
        return of_looks or str(self.metric).startswith("latency_")

    @property
    def latest_s(self) -> float | None:
        """How long an answer may take; None where that is not bounded."""
        if self.tolerance is None or not self.reads_latency:
            return None
        return self.tolerance.max if self.by_request else self.tolerance.max_latency

    @property
    def longest_gap_s(self) -> float:
        """Two looks further apart than this leave something unseen."""
        return max(GAP_FLOOR_S, 3 * self.every_s + self.patience_s)


def _metric(name: str | None, rules: int) -> str | None:
    return f"{name}{WITH_FAILURES}" if rules < LATENCY_OF_ANSWERS and name in QUANTILES else name


def _metric_probe(state: StateSpec) -> tuple[MetricProbe | None, bool]:
    """The metric that it is of, if any, and whether this version knows its fields."""
    try:
        return state.probe.of(MetricProbe), True
    except SpecError:
        return None, False


def _tolerance(state: StateSpec) -> Tolerance | None:
    try:
        if state.tolerance is not None and state.tolerance.matches is not None:
            pattern_of(state.tolerance.matches)
    except PatternError:
        return None
    return state.tolerance


def looks_of(record: Record, states: Sequence[PlannedSteadyState]) -> dict[str, list[JudgedSample]]:
    """Steady state -> its looks by intended time."""
    tolerances = {state.name: state.tolerance for state in states}
    found: dict[str, list[JudgedSample]] = defaultdict(list)
    for event in record.of("probe.sampled"):
        name = str(event.data.get("probe"))
        if (tolerance := tolerances.get(name)) and event.data.get("error") not in _NOT_SEEN:
            found[name].append(look_of(event, tolerance))
    for state in states:
        if state.of_data:
            found[state.name] = data_of(record, state)[0]
    return {name: sorted(looks, key=attrgetter("at")) for name, looks in found.items()}


def data_of(record: Record, state: PlannedSteadyState) -> tuple[list[JudgedSample], DataSeen | None]:
    """The looks of an invariant, and what it saw."""
    if state.tolerance is None:
        return [], None
    events = [event for event in record.of("probe.sampled") if event.data.get("probe") == state.name]
    return judged(seen_of(events, state.tolerance), state.tolerance, Writes.of(record))


def look_of(event: Event, tolerance: Tolerance) -> JudgedSample:
    """One `probe.sampled`."""
    data = event.data
    took_s = float(data.get("took_ms") or 0.0) / 1000
    value, error = data.get("value"), data.get("error")
    good = tolerance.accepts(value, error, took_s)
    late_only = not good and tolerance.accepts(value, error, 0.0)
    limit_s = tolerance.max_latency if late_only else None
    return JudgedSample(event.at, took_s, good, float(data.get("late_ms") or 0.0) / 1000, limit_s)


def bad_share(looks: Sequence[JudgedSample], at_least: float = 0.0) -> float | None:
    """Share of the looks that were bad; None of none.

    Looks overlap and there is one for every intended time, so a hanging target is bad as often as one that
    fails fast. `at_least` is a lower bound of the number of looks, for a run that was cut short.
    """
    bad = sum(not look.good for look in looks)
    return bad / max(len(looks), at_least) if looks else None


def gaps(
    looks: Sequence[JudgedSample], start: float, end: float, longest_s: float
) -> list[tuple[float, float]]:
    """Spans between `start` and `end` in which nobody looked for longer than `longest_s`."""
    moments = [start, *(look.at for look in looks), end]
    return [(earlier, later) for earlier, later in pairwise(moments) if later - earlier > longest_s]
