"""Judge samples while the run goes on: was the baseline steady, and has a stop condition tripped.

Both are pure: they are fed samples and look at no clock. What is good or bad is the tolerance's to say.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.tolerances import Tolerance

MIN_SAMPLES = 3
"""Fewer looks than this at a steady state prove nothing."""


@dataclass(slots=True)
class _State:
    tolerance: Tolerance
    budget: float
    samples: int = 0
    bad: int = 0
    seen: str = ""

    @property
    def steady(self) -> bool:
        return self.samples >= MIN_SAMPLES and self.bad <= self.budget * self.samples

    def __str__(self) -> str:
        if self.samples < MIN_SAMPLES:
            return f"only {self.samples} samples, at least {MIN_SAMPLES} are needed"
        if not self.bad:
            return f"all {self.samples} samples good ({self.tolerance})"
        return (
            f"{self.bad} of {self.samples} samples were not {self.tolerance} (the last: {self.seen}),"
            f" {self.budget:.4g} of them may be"
        )


class BaselineJudge:
    """Whether every steady state of an order held during the baseline.

    Steady: at least MIN_SAMPLES samples of each, and of those at most the share `budget` bad.
    """

    def __init__(self, steady_state: Sequence[Mapping[str, Any]]) -> None:
        self._states = {
            entry["name"]: _State(Tolerance(**entry["tolerance"]), entry.get("budget") or 0.0)
            for entry in steady_state
        }

    def sample(
        self, name: str, at: float, value: Mapping[str, Any] | None, error: str | None, took_s: float
    ) -> None:
        """Count one sample of the baseline; samples of anything but a steady state are not its business."""
        state = self._states.get(name)
        if state is None:
            return
        state.samples += 1
        if not state.tolerance.accepts(value, error, took_s):
            state.bad += 1
            state.seen = _seen(value, error, took_s)

    def verdict(self) -> tuple[bool, str]:
        """Steady or not, and the sentence why."""
        if not self._states:
            return False, "there is no steady state to look at"
        shaken = [f"{name}: {state}" for name, state in self._states.items() if not state.steady]
        if shaken:
            return False, "; ".join(shaken)
        return True, "; ".join(f"{name}: {state}" for name, state in self._states.items())


@dataclass(slots=True)
class _Condition:
    subject: str
    tolerance: Tolerance
    for_s: float
    good_at: float = float("-inf")
    bad_at: list[float] = field(default_factory=list)


class StopWatch:
    """Trips on the condition that was out of its tolerance without a break for `for_s`.

    A condition's tolerance is what is accepted. A look that failed counts as out of tolerance.
    Samples are judged by their intended times and may come in any order, as overlapping looks do.
    """

    def __init__(self, stop_when: Sequence[Mapping[str, Any]]) -> None:
        self._conditions = {f"stop:{index}": _condition(entry) for index, entry in enumerate(stop_when)}

    def sample(
        self, name: str, at: float, value: Mapping[str, Any] | None, error: str | None, took_s: float
    ) -> str | None:
        """Take one sample; why it trips the condition, if it does. Only the names `stop:<index>` count."""
        condition = self._conditions.get(name)
        if condition is None:
            return None
        if condition.tolerance.accepts(value, error, took_s):
            condition.good_at = max(condition.good_at, at)
            condition.bad_at = [bad for bad in condition.bad_at if bad > condition.good_at]
            return None
        if at > condition.good_at:
            insort(condition.bad_at, at)
        return _trip(condition, _seen(value, error, took_s))


def _condition(entry: Mapping[str, Any]) -> _Condition:
    probe = entry["probe"]
    subject = next(
        (str(probe[key]) for key in ("metric", "url", "process", "port", "command") if key in probe), ""
    )
    return _Condition(f"{probe['type']} {subject}", Tolerance(**entry["tolerance"]), float(entry["for_s"]))


def _trip(condition: _Condition, seen: str) -> str | None:
    bad_s = condition.bad_at[-1] - condition.bad_at[0] if condition.bad_at else -1.0
    # Intended times are exact multiples of an interval up to rounding; a microsecond must not cost a whole
    # look.
    if bad_s + 1e-6 < condition.for_s:
        return None
    return f"{condition.subject} was not {condition.tolerance} for {bad_s:.1f} s (the last: {seen})"


def _seen(value: Mapping[str, Any] | None, error: str | None, took_s: float) -> str:
    if error is not None or value is None:
        return error or "nothing"
    short = {key: seen for key, seen in value.items() if key not in ("body", "output", "bytes")}
    return ", ".join(f"{key} {seen}" for key, seen in short.items()) + f" after {took_s * 1000:.0f} ms"
