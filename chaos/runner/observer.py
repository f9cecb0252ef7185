"""Observer of a run or a game day: what its caller is told while it lasts, and the caller's wish that it end."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.events import Event
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run


@dataclass(slots=True)
class RunObserver:
    """One caller, one run. Whoever wants to know nothing leaves everything as it is."""

    on_event: Callable[[Event], None] = lambda event: None
    """Told every event of the run's journal, in order."""
    log: Callable[[str], None] = lambda line: None
    """Told what a person at a terminal may want to know: what is waited for, who could not be told."""
    stop: Stop = field(default_factory=Stop)
    """Set it to have the fault undone and the run ended; its result is written all the same."""
    on_begin: Callable[[Run], None] = lambda run: None
    """Told the run's folder as soon as it is there."""
    on_link: Callable[[str], None] = lambda link: None
    """Told where the run can be watched live, as soon as it can."""
    started_by: str | None = None
    """Who asked for the run: `terminal`, `game day`."""
    run: Run | None = None
    """The run's folder, once it is there."""

    def begun(self, run: Run) -> None:
        """The run has its folder."""
        self.run = run
        self.on_begin(run)
