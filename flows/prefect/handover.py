"""Handover: what the program that calls a flow in its own process gives it, and gets from it.

Flow parameters are JSON, so a plan or a callback cannot be one. A context variable can: whoever sets `HANDOVER` around
the call of the flow gives it the plan that it has made already, is told everything, and has the result. A run that a
Prefect worker started has nobody like that: its flow reads the manifest at its commit and plans it itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from chaos.analysis.result import Result
from chaos.game_days.learnt import DayReport
from chaos.game_days.planning import DayPlan
from chaos.planning.plan import Plan
from chaos.runner.observer import RunObserver


@dataclass(slots=True)
class Handover:
    """One caller, one flow run."""

    plan: Plan | DayPlan | None = None
    """What to carry out; without one the flow plans by its parameters."""
    observer: RunObserver = field(default_factory=RunObserver)
    result: Result | DayReport | None = None
    """What came of it; there even when Prefect goes away in the middle."""


_CURRENT: ContextVar[Handover | None] = ContextVar("chaoslab_handover", default=None)


@contextmanager
def handed_over(handover: Handover) -> Iterator[Handover]:
    """The flow that is called in the block gets it."""
    token = _CURRENT.set(handover)
    try:
        yield handover
    finally:
        _CURRENT.reset(token)


def take() -> Handover:
    """What this flow was given: once, so that the flows which it calls itself get their own."""
    handover = _CURRENT.get() or Handover()
    _CURRENT.set(None)
    return handover
