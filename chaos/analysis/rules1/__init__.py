"""The rules of before, kept for a release: budgets as shares of all phases together, without a test.

`chaoslab analyze --rules 1` judges a journal by them; nothing else does.
"""

from collections.abc import Sequence

from chaos.analysis.case import Circumstances
from chaos.analysis.looks import PlannedSteadyState
from chaos.analysis.recovery import JudgedSample
from chaos.analysis.result import SteadyStateResult
from chaos.analysis.rules1.case import Rules1Case
from chaos.analysis.rules1.steady_state import judge_state


def by_old_rules(
    asked: PlannedSteadyState, looks: Sequence[JudgedSample], around: Circumstances
) -> SteadyStateResult:
    """The verdict of one steady state as rules 1 have it."""
    return judge_state(Rules1Case(asked, looks, around))
