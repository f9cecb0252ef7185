"""One trial or control of a series, judged by itself, and what it says of each steady state."""

from dataclasses import dataclass

from chaos.analysis.result import Result, SteadyStateResult
from chaos.statistics.series_plan import SeriesPlan
from chaos.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class JudgedTrial:
    """One trial or control, judged by itself."""

    result: Result
    trial: int
    control: bool
    series: SeriesPlan
    may_follow: bool
    """Whether its end lets another follow."""

    @property
    def name(self) -> str:
        """`trial 2 of 3`, `trial 2 of at most 40`."""
        most = "at most " if self.series.until_decided else ""
        return f"{'control' if self.control else 'trial'} {self.trial} of {most}{self.series.trials}"

    @property
    def whole(self) -> bool:
        """Whether it ran to its end, with all its faults in place (a control: with none)."""
        return self.result.outcome is Outcome.COMPLETED and all(step.landed for step in self.result.steps)

    def state(self, name: str) -> SteadyStateResult | None:
        """One of its steady states."""
        return next((state for state in self.result.steady_state if state.name == name), None)

    def says(self, name: str) -> Verdict | None:
        """Held or deviated, when it can tell; a deviation counts by the rules of a single run."""
        state = self.state(name)
        if state is None:
            return None
        if state.verdict is Verdict.DEVIATED and self.result.verdict is Verdict.DEVIATED:
            return Verdict.DEVIATED
        return Verdict.HELD if state.verdict is Verdict.HELD and self.whole else None
