"""What the looks of a plan can prove, known before it is carried out: how many there will be, and how few are too few.

Pure arithmetic over the plan's JSON (units as there: seconds, shares), by the tests that will judge the run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from chaos.analysis.intervals import failures_left
from chaos.analysis.looks import PlannedSteadyState
from chaos.analysis.moments import percent
from chaos.analysis.pairs import fewest, mcnemar
from chaos.analysis.requested import bound_of
from chaos.analysis.significance import Tests
from chaos.statistics import binomial
from chaos.statistics.series_plan import SeriesPlan
from chaos.units import DURATION


@dataclass(frozen=True, slots=True)
class Expected:
    """The looks, or requests, that one phase of a steady state will have."""

    where: str
    what: str
    count: int
    bound: float
    every_s: float
    parts: int
    tests: Tests
    latest_s: float | None = None
    """How long an answer may take."""

    @property
    def counted(self) -> int:
        """Without the part that a budget leaves out."""
        return self.count * (self.parts - 1) // self.parts if self.parts > 1 else self.count

    @property
    def needed(self) -> int:
        """How many it takes to be held at all, with none of them bad."""
        least = binomial.needed(self.bound, self.tests.significance / self.parts)
        return ceil(least * self.parts / max(1, self.parts - 1))

    @property
    def noticed(self) -> float:
        """The smallest share of bad ones that is noticed with 95 %; above 1: none."""
        return binomial.noticed(self.counted, self.bound, self.tests.against) if self.counted else 2.0

    @property
    def longer_s(self) -> float:
        """How long the phase would have to be."""
        return ceil(self.needed * self.every_s * 10) / 10

    @property
    def too_few(self) -> str:
        """Why it cannot be held; empty when it can."""
        if self.count >= self.needed:
            return ""
        beyond = percent(binomial.twice(self.bound))
        works = binomial.highest(0, max(1, self.counted), self.tests.significance / self.parts) / 2
        said = f"{self.count:,} {self.what} in the {self.where} cannot tell {percent(self.bound)} from {beyond}, "
        said += (
            f"so it is never held: {self.needed:,} are needed, which take {DURATION.format(self.longer_s)}"
        )
        return f"{said}; so few could tell {ceil(works * 1000) / 10:g} %" if works < 0.5 else said


def expected(plan: Mapping[str, Any]) -> Iterator[tuple[PlannedSteadyState, Expected]]:
    """Each steady state of the plan, with the phase that decides it: the fault's, or of `afterwards` the recovery."""
    asked = [PlannedSteadyState.read(state) for state in plan.get("steady_state") or ()]
    tests = Tests.of(plan, asked)
    before, after = float(plan.get("baseline_s") or 0.0), float(plan.get("recovery_s") or 0.0)
    fault = _fault_s(plan) if "declared_s" not in plan else float(plan["declared_s"]) - before - after
    for state in asked:
        where, lasts_s = ("fault phase", fault) if state.holds == "throughout" else ("recovery phase", after)
        yield state, _expected(plan, state, where, lasts_s, tests)


def _fault_s(plan: Mapping[str, Any]) -> float:
    """Of a plan without its length: what its steps last one after the other."""
    return sum(float(step.get("hold_s") or 0.0) for step in plan.get("method") or ())


def _expected(
    plan: Mapping[str, Any], state: PlannedSteadyState, where: str, lasts_s: float, tests: Tests
) -> Expected:
    share, rate = bound_of(state), float((plan.get("load") or {}).get("rate_per_s") or 0.0)
    by_request = share is not None and rate > 0
    every_s = 1 / rate if by_request else state.every_s
    parts = ceil(1 / state.budget - 1e-9) if by_request and 0 < state.budget < 1 else 1
    bound = (share or 0.0) if by_request else state.budget
    what = "requests" if by_request else "samples"
    count = int(lasts_s / every_s + 1e-6)
    return Expected(where, what, count, bound, every_s, parts, tests, state.latest_s)


def in_words(found: Expected) -> str:
    """What so many looks would notice."""
    if found.noticed > 1:
        return f"{found.count:,} {found.what} in the {found.where} would not notice a total outage with 95 %"
    least = percent(found.noticed)
    said = f"of {found.count:,} {found.what} in the {found.where}, {least} bad or more would be noticed"
    if found.latest_s is not None:
        said += f", and a delay that makes so many later than {DURATION.format(found.latest_s)}"
    return f"{said} (95 %)"


def never_deviated(series: SeriesPlan, states: int, significance: float) -> str:
    """Why so few trials against their controls can never be deviated; empty when they can."""
    least = fewest(significance / max(1, states))
    if not series.control or series.trials >= least:
        return ""
    count, chance = series.trials, percent(mcnemar(series.trials, 0))
    many = f"{count} trial{'s' * (count > 1)} against as many controls can never be deviated"
    return f"{many}: chance makes even {count} of {count} with {chance}; {least} trials can"


def series_in_words(series: SeriesPlan, states: int, significance: float) -> Iterator[str]:
    """What so many trials can prove; nothing of a single one without a control."""
    least = fewest(significance / max(1, states))
    if why := never_deviated(series, states, significance):
        yield why
    elif series.control:
        yield f"deviated when it fails in {least} trials whose controls do not, or more clearly"
    if series.until_decided:
        first = "" if series.control else "deviated as soon as it fails in one; "
        share = percent(series.exclude)
        yield f"{first}held after {series.needed} trials that do: failing in {share} of them would be noticed (95 %)"
        yield f"not decided when neither can be shown by {series.trials}; it ends as soon as it is known"
    elif series.trials > 1:
        left = percent(failures_left(series.trials))
        yield f"when all hold, a failure in up to {left} of them stays possible (95 %)"
