"""Judge samples while the run goes on: was the baseline steady, and has a stop condition tripped.

Both are pure: they are fed samples and look at no clock. What is good or bad is the tolerance's to say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.probes.lasting import StopConditionState, seen
from chaos.probes.metric import MetricProbe
from chaos.run_spec.model import WorkSpec
from chaos.run_spec.parts import LoadSpec, StateSpec, StopSpec
from chaos.statistics.binomial import SIGNIFICANCE
from chaos.statistics.latencies import Request, request_of
from chaos.statistics.shares import Tally, tally
from chaos.tolerances import Tolerance

MIN_SAMPLES = 3
"""Fewer looks than this at a steady state prove nothing."""


@dataclass(slots=True)
class _State:
    tolerance: Tolerance
    budget: float
    metric: str | None
    every_s: float
    samples: int = 0
    """Looks, however the state is judged."""
    marks: list[tuple[float, bool]] = field(default_factory=list)
    """(intended time, bad) of each look, or of each request that counts where the metric is one of requests."""
    window_s: float = 1.0
    seen: str = ""

    @property
    def by_request(self) -> bool:
        return self.tolerance.share_of_requests(self.metric) is not None

    @property
    def bound(self) -> float:
        """The share that may be bad."""
        share = self.tolerance.share_of_requests(self.metric)
        return self.budget if share is None else share

    def count(self, found: Sequence[Request]) -> None:
        """Mark the requests, by intended time, of which its metric is."""
        judged = self.tolerance.judged_requests(self.metric, found, self.window_s)
        self.marks = [(each.at, not good) for each, good in judged]

    def tally(self) -> Tally:
        spare = self.budget if self.by_request else 0.0
        return tally("baseline", sorted(self.marks), self.bound, self.every_s, spare=spare)

    def steady(self, significance: float) -> bool:
        enough = min(self.samples, len(self.marks)) >= MIN_SAMPLES
        return enough and not self.tally().beyond(significance)

    def __str__(self) -> str:
        noun = "requests" if self.by_request else "samples"
        fewest = min(self.samples, len(self.marks))
        if fewest < MIN_SAMPLES:
            return f"only {fewest} {noun}, at least {MIN_SAMPLES} are needed"
        found = self.tally()
        if not found.bad:
            return f"all {found.count} {noun} good ({self.tolerance})"
        last = f" (the last: {self.seen})" if self.seen else ""
        return (
            f"{found.bad} of {found.count} {noun} were not {self.tolerance}{last},"
            f" {self.bound:.4g} of them may be"
        )


class BaselineJudge:
    """Whether every steady state of an order held during the baseline.

    Steady: at least MIN_SAMPLES samples of each, and not so many of them bad that chance does not explain it: the exact
    test that judges the fault phase, too, would call them beyond the bound. `rate_per_s`, `timeout_s`: the load's.
    """

    def __init__(
        self,
        steady_state: Sequence[StateSpec],
        significance: float = SIGNIFICANCE,
        rate_per_s: float = 0.0,
        timeout_s: float = LoadSpec.timeout_s,
    ) -> None:
        self._timeout_s = timeout_s
        self._states = {state.name: _state(state, rate_per_s) for state in steady_state}
        self._requests: list[Request] = []
        bounded = sum(state.bound > 0 for state in self._states.values())
        self._significance = significance / max(1, bounded)

    @classmethod
    def of(cls, order: WorkSpec) -> "BaselineJudge":
        """The one of an order."""
        load = order.load or LoadSpec()
        return cls(order.steady_state, order.significance or SIGNIFICANCE, load.rate_per_s, load.timeout_s)

    def sample(
        self, name: str, at: float, value: Mapping[str, Any] | None, error: str | None, took_s: float
    ) -> None:
        """Count one sample of the baseline; samples of anything but a steady state are not its business."""
        state = self._states.get(name)
        if state is None:
            return
        state.samples += 1
        if state.by_request:
            return
        good = state.tolerance.accepts(value, error, took_s)
        state.marks.append((at, not good))
        if not good:
            state.seen = seen(value, error, took_s)

    def request(self, at: float, said: Mapping[str, Any]) -> None:
        """Count one `load.sampled`, for the metrics that are judged by requests; not what could not be sent."""
        request = request_of(at, said, self._timeout_s)
        if request.sent:
            self._requests.append(request)

    @property
    def enough(self) -> bool:
        """Whether every steady state was looked at so often that it can be judged."""
        return all(state.samples >= MIN_SAMPLES for state in self._states.values())

    def verdict(self) -> tuple[bool, str]:
        """Steady or not, and the sentence why."""
        if not self._states:
            return False, "there is no steady state to look at"
        found = sorted(self._requests)
        for state in self._states.values():
            if state.by_request:
                state.count(found)
        shaken = [
            f"{name}: {state}" for name, state in self._states.items() if not state.steady(self._significance)
        ]
        if shaken:
            return False, "; ".join(shaken)
        return True, "; ".join(f"{name}: {state}" for name, state in self._states.items())


def _state(asked: StateSpec, rate_per_s: float) -> _State:
    metric = asked.probe.of(MetricProbe)
    state = _State(asked.accepted, asked.budget, None if metric is None else metric.metric, asked.probe.every)
    if metric is not None:
        state.window_s = metric.window
    if state.by_request and rate_per_s > 0:
        state.every_s = 1 / rate_per_s
    return state


class StopWatch:
    """The stop conditions of an order (`chaos.probes.lasting`)."""

    def __init__(self, stop_when: Sequence[StopSpec]) -> None:
        self._conditions = {f"stop:{index}": _condition(entry) for index, entry in enumerate(stop_when)}

    def sample(
        self, name: str, at: float, value: Mapping[str, Any] | None, error: str | None, took_s: float
    ) -> str | None:
        """Take one sample; why it trips the condition, if it does. Only the names `stop:<index>` count."""
        condition = self._conditions.get(name)
        return None if condition is None else condition.sample(at, value, error, took_s)


def _condition(stop: StopSpec) -> StopConditionState:
    return StopConditionState(stop.probe.made().words, stop.accepted, stop.for_s)
