"""Observer of a flow run in the calling process: its events as they happen, and its cancellation.

Flow parameters are JSON, so a callback cannot be one. A context variable can: whoever sets `WATCH` around the
call of the flow is told everything. A run that a Prefect worker started has nobody watching; nothing changes.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from chaos.analysis.result import Result
from chaos.events import Event
from chaos.game_days.day import Day
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run


@dataclass(slots=True)
class Watch:
    """One caller, one run."""

    on_begin: Callable[[Run], None] = lambda run: None
    """Called when the run has its folder."""
    on_event: Callable[[Event], None] = lambda event: None
    on_link: Callable[[str], None] = lambda link: None
    """Told where the run can be watched live, as soon as it can."""
    stop: Stop = field(default_factory=Stop)
    """Set it to have the fault undone and the run ended; its result is written all the same."""
    say: Callable[[str], None] = lambda line: None
    """Told what a person at a terminal may want to know: what is waited for, who could not be told."""
    by: str | None = None
    """Who asked for the run: `terminal`, `game day`."""
    result: Result | None = None
    """What was learnt; there even when Prefect goes away in the middle."""


WATCH: ContextVar[Watch | None] = ContextVar("chaoslab_watch", default=None)


def watching() -> Watch:
    """Who watches this run; somebody new and silent when nobody does."""
    return WATCH.get() or Watch()


@dataclass(slots=True)
class DayWatch:
    """One caller, one game day."""

    stop: Stop = field(default_factory=Stop)
    """Set it to have running experiments ended and nothing more begun; the report is written all the same."""
    on_begin: Callable[[Run], None] = lambda run: None
    """Called when the day has its folder."""
    say: Callable[[str], None] = lambda line: None
    """Told in words what happens, and where a person is waited for."""
    day: Day | None = None
    """What it came to."""


DAY_WATCH: ContextVar[DayWatch | None] = ContextVar("chaoslab_day_watch", default=None)
