"""How sure each test of a run must be, so that all of them together are wrong as rarely as one may be.

Bonferroni's correction: what may go wrong is shared evenly among the tests that can. It asks for no independence, which
the steady states of one run do not have. A bound of 0 takes no share: no chance makes one bad look of none.
Source: Dunn, Multiple Comparisons Among Means, J. Am. Stat. Assoc. 56 (1961).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.analysis.looks import PlannedSteadyState
from chaos.analysis.requested import bound_of
from chaos.statistics.binomial import SIGNIFICANCE


@dataclass(frozen=True, slots=True)
class Tests:
    """How sure a verdict must be."""

    significance: float = SIGNIFICANCE
    """Of the run: how often it may be wrong, over all its tests together."""
    against: float = SIGNIFICANCE
    """Of each test that can call something deviated."""
    baseline: float = SIGNIFICANCE
    """Of each test of a baseline."""

    @classmethod
    def of(cls, plan: Mapping[str, Any], asked: Sequence[PlannedSteadyState]) -> "Tests":
        """Those of a plan's JSON.

        A series without controls deviates when one trial does: its trials share what is allowed. With controls, the
        test of trials against controls decides, and each is judged as a single run.
        """
        said, series = plan.get("significance"), plan.get("series") or {}
        significance = SIGNIFICANCE if said is None else float(said)
        trials = 1 if series.get("control") is True else int(series.get("trials") or 1)
        bounded = [state for state in asked if state.budget > 0 or (bound_of(state) or 0.0) > 0]
        tests = sum(1 if state.holds == "afterwards" else 2 for state in bounded)
        return cls(
            significance,
            significance / max(1, tests * trials),
            significance / max(1, len(bounded)),
        )
