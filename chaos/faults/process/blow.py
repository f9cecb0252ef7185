"""A signal to all whom a fault aims at, and the watch over their deaths and those of who listens for them."""

import os
import select
import time
from collections.abc import Iterable
from contextlib import suppress

from chaos.faults.process.aim import Aim, called
from chaos.faults.process.signals import Shot, shoot

GOES_WITHIN_S = 2.0
"""Time for what a main process leaves behind to end, too: the agent sees to that as soon as it is over."""


class Blow:
    """Signals on their way; `strike` sends them."""

    def __init__(self, aim: Aim) -> None:
        self.aim = aim
        self.shots: list[Shot] = []
        spared = aim.spared()
        self._with_it = ", ".join(called(each.pid) for each in spared)
        self._listeners = list(_watched(each.pid for each in spared))
        self._died_at: float | None = None

    def send(self, name: str) -> bool:
        """Send the signal; whether anybody was still there. Raises InjectionError when it cannot be sent."""
        self.shots = [shot for victim in self.aim.victims if (shot := shoot(victim.pid, name)) is not None]
        return bool(self.shots)

    @property
    def pid(self) -> int:
        """The first that was hit: the main process, unless another one was chosen."""
        return self.shots[0].pid

    @property
    def sent(self) -> float:
        """Monotonic time of the first signal."""
        return self.shots[0].sent

    def age_s(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self.sent

    def dead(self, wait_s: float) -> bool:
        """Whether all that were hit have died, looking for at most `wait_s`."""
        if self._died_at is None and _all_ended([shot.descriptor for shot in self.shots], wait_s):
            self._died_at = time.monotonic()
        return self._died_at is not None

    def over(self, wait_s: float, patience_s: float = GOES_WITHIN_S) -> bool:
        """The same, and that who listened has gone as well, or had `patience_s` to do so."""
        until = time.monotonic() + wait_s
        if not self.dead(wait_s) or self._died_at is None:
            return False
        if self.aim.scope == "one":
            return True
        gone = _all_ended(self._listeners, max(0.0, until - time.monotonic()))
        return gone or time.monotonic() - self._died_at >= patience_s

    def told(self) -> dict[str, object]:
        """What a sample says of whom it hit."""
        told: dict[str, object] = {}
        if self._died_at is not None:
            told["died_ms"] = round((self._died_at - self.sent) * 1000, 3)
        if len(self.shots) > 1:
            told["processes"] = len(self.shots)
        if missed := self.aim.missed(ended=True):
            told["missed"] = missed
        elif self._with_it:
            told["with_it"] = self._with_it
        return told

    def close(self) -> None:
        """Stop watching."""
        for shot in self.shots:
            shot.close()
        for descriptor in self._listeners:
            os.close(descriptor)
        self._listeners.clear()


def strike(aim: Aim, name: str) -> Blow | None:
    """A blow that was sent; None when everybody has gone already. Raises InjectionError when it cannot be."""
    blow, sent = Blow(aim), False
    try:
        sent = blow.send(name)
    finally:
        if not sent:
            blow.close()
    return blow if sent else None


def missed_in(samples: Iterable[object]) -> str:
    """What the first sample says that was not hit though it served; empty when none does."""
    words = (sample.get("missed") for sample in samples if isinstance(sample, dict))
    return next((str(each) for each in words if each), "")


def _watched(pids: Iterable[int]) -> Iterable[int]:
    for pid in pids:
        with suppress(ProcessLookupError):
            yield os.pidfd_open(pid)


def _all_ended(descriptors: Iterable[int], wait_s: float) -> bool:
    """Whether all of these processes have, looking for at most `wait_s`."""
    until = time.monotonic() + wait_s
    for descriptor in descriptors:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            return False
    return True
