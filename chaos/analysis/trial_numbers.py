"""What was measured under the fault, over all trials: medians with intervals, and differences to the controls.

A trial and its control ran beside each other, so they are compared in pairs: what the machine did to both falls out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf, isfinite
from typing import Literal

from chaos.analysis.intervals import median_interval
from chaos.analysis.result import LoadSummary, Result
from chaos.analysis.trials_result import MedianOver, TrialNumber

Unit = Literal["s", "share", "per_s"]
Read = Callable[[Result], float | None]
Values = Mapping[int, float]
"""By trial; infinite where it never came."""


def numbers(trials: Mapping[int, Result], controls: Mapping[int, Result]) -> list[TrialNumber]:
    """Every number that was measured in one of the trials."""
    found = (
        _number(name, unit, _values(read, trials), _values(read, controls), _values(least, trials))
        for name, unit, read, least in _readings(trials.values())
    )
    return [number for number in found if number is not None]


def _readings(trials: Iterable[Result]) -> list[tuple[str, Unit, Read, Read]]:
    """Name, unit, how to read it, and how to read the least that it may truly be."""
    states = {state.name: state for result in trials for state in result.steady_state}
    again = [name for name, state in states.items() if state.holds == "afterwards"]
    exact: list[tuple[str, Unit, Read]] = [
        ("p50 under fault", "s", _under_fault(lambda load: load.p50)),
        ("p95 under fault", "s", _under_fault(lambda load: load.p95)),
        ("errors under fault", "share", _under_fault(lambda load: load.error_rate)),
        ("throughput under fault", "per_s", _under_fault(lambda load: load.throughput)),
    ]
    return [
        *((name, unit, read, read) for name, unit, read in exact),
        *((f"recovery of “{name}”", "s", _recovery(name), _recovery(name, least=True)) for name in again),
    ]


def _under_fault(read: Callable[[LoadSummary], float | None]) -> Read:
    def of(result: Result) -> float | None:
        load = result.load.get("fault")
        return read(load) if load is not None and load.sent else None

    return of


def _recovery(name: str, *, least: bool = False) -> Read:
    """When it was back; `least`: the earliest moment that its looks leave open."""

    def of(result: Result) -> float | None:
        state = next((state for state in result.steady_state if state.name == name), None)
        if state is None or state.resolution_seconds is None:
            return None
        if state.recovery_time_seconds is None:
            return inf
        return max(0.0, state.recovery_time_seconds - (state.resolution_seconds if least else 0.0))

    return of


def _values(read: Read, results: Mapping[int, Result]) -> Values:
    found = {trial: read(result) for trial, result in results.items()}
    return {trial: value for trial, value in found.items() if value is not None}


def _number(name: str, unit: Unit, trials: Values, controls: Values, least: Values) -> TrialNumber | None:
    if not trials:
        return None
    both = [trial for trial in trials if isfinite(controls.get(trial, inf))]
    return TrialNumber(
        name=name,
        unit=unit,
        values=[_finite(value) for value in trials.values()],
        trials=over(list(trials.values()), list(least.values())),
        controls=over(list(controls.values())) if controls else None,
        difference=over([trials[trial] - controls[trial] for trial in both]) if both else None,
    )


def over(values: Sequence[float], least: Sequence[float] | None = None) -> MedianOver:
    """A recovery lies between two looks, so its median does between the medians of both: the lower bound is that of the
    earlier ones. Source: interval censoring, Turnbull, J. Roy. Stat. Soc. B 38 (1976)."""
    found, low = median_interval(values), median_interval(least or values).low
    bounded = found.coverage > 0
    return MedianOver(
        median=_finite(found.median),
        low=_finite(low) if bounded else None,
        high=_finite(found.high) if bounded else None,
        coverage=round(found.coverage, 4),
        count=len(values),
    )


def _finite(value: float) -> float | None:
    return round(value, 6) if isfinite(value) else None
