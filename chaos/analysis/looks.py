"""The looks of one steady state: what its probe saw, judged by its tolerance, and how much of the run they
cover."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any

from chaos.analysis.invariants import Writes, judged, seen_of
from chaos.analysis.record import Record
from chaos.analysis.recovery import JudgedSample
from chaos.analysis.result import DataSeen
from chaos.events import Event
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
    def read(cls, state: Mapping[str, Any], rules: int = RULES) -> "PlannedSteadyState":
        """From the plan's JSON, as these rules understand it."""
        probe = state.get("probe") or {}
        within = state.get("recover_within_s")
        return cls(
            name=str(state.get("name")),
            probe=str(probe.get("type", "")),
            metric=_metric(probe.get("metric"), rules),
            tolerance=_tolerance(state.get("tolerance") or {}),
            holds=str(state.get("holds") or "throughout"),
            budget=float(state.get("budget") or 0.0),
            recover_within_s=None if within is None else float(within),
            every_s=float(probe.get("every") or 0.1),
            patience_s=float(probe.get("timeout") or 0.0) + window_of(probe),
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


def window_of(probe: Mapping[str, Any]) -> float:
    """The window of a metric probe; 0 for all others."""
    return float(probe.get("window") or 1.0) if probe.get("type") == "metric" else 0.0


def _tolerance(fields: Mapping[str, Any]) -> Tolerance | None:
    try:
        tolerance = Tolerance(**fields)
        if tolerance.matches is not None:
            pattern_of(tolerance.matches)
    except (TypeError, PatternError):
        return None
    return tolerance


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
