"""How long to wait for a program that starts: as long as it works, not as long as a fast machine would take.

A first start of Prefect is 13 s of a processor's work; on a small or busy machine, or in an emulated one, that is
minutes. One that stands still is given up after `STANDS_STILL_S`, but never before `AT_LEAST_S`.
"""

from collections.abc import Callable
from time import monotonic

AT_LEAST_S = 120.0
"""Alone it takes 13 s at most; on two busy cores a first start has taken a minute. One that died is seen at once."""
STANDS_STILL_S = 60.0
AT_MOST_S = 1200.0
_TELL_EVERY_S = 30.0
_WORKS = 0.1
"""Of a processor: a server that has started and has nothing to do uses a third of that."""


class Patience:
    """Begins when made. `worked_s` says how much of a processor's time the program has had so far, in seconds."""

    def __init__(
        self,
        worked_s: Callable[[], float],
        on_progress: Callable[[str], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._worked, self._on_progress, self._clock = worked_s, on_progress, clock
        self._began = self._since = self._told = clock()
        self._worked_s = 0.0

    def why_over(self) -> str | None:
        """Why to wait no longer, as the end of a sentence; None while it is worth it. Tells now and then."""
        now, worked_s = self._clock(), self._worked()
        waited_s, still_s = now - self._began, now - self._since
        if worked_s - self._worked_s >= _WORKS * STANDS_STILL_S:
            self._since, self._worked_s, still_s = now, worked_s, 0.0
        if waited_s >= AT_MOST_S:
            return f"did not answer within {AT_MOST_S:.0f} s"
        if waited_s >= AT_LEAST_S and still_s >= STANDS_STILL_S:
            return f"did not answer within {waited_s:.0f} s, and hardly worked in the last {still_s:.0f} s of them"
        if now - self._told >= _TELL_EVERY_S:
            self._told = now
            self._on_progress(
                f"the local Prefect server is still starting after {waited_s:.0f} s, "
                f"{worked_s:.0f} s of them a processor's work; waiting while it works"
            )
        return None
