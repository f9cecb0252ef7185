"""A process of ours under the same kind of clock as the app's: asked again and again, it says what time it sees."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from chaos.errors import FaultError
from chaos.faults.clock.library import environment, put_in_place
from chaos.faults.clock.page import ClockPage
from chaos.faults.support.base import Helper, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S, receive, send

_LOOK_S = 0.002


def tell_the_time() -> None:
    """Answer each word with the wall clock; ends with its channel."""
    while True:
        receive()
        send({"time": time.time()})


class ClockOffset(NamedTuple):
    """How far the witness's clock was off, and how exactly that is known."""

    offset_s: float
    uncertain_s: float


class ClockWitness:
    """Asks the helper. Its clock is a page of its own."""

    def __init__(self, helper: Helper, clock: ClockPage) -> None:
        self._helper = helper
        self.clock = clock

    def look(self) -> ClockOffset:
        """Its wall clock against ours, halfway through the question: NTP's way, RFC 5905, section 8."""
        before = time.time()
        self._helper.send({})
        answer = self._helper.receive(ANSWERS_WITHIN_S)
        after = time.time()
        if answer is None:
            raise FaultError(f"the witness of the clock did not answer within {ANSWERS_WITHIN_S:g} s")
        return ClockOffset(float(answer["time"]) - (before + after) / 2, (after - before) / 2)

    def until_near(
        self, offset_s: float, within_s: float, give_up_s: float, drift: float = 0.0
    ) -> ClockOffset | None:
        """Ask until it is off by that much, which grows by the drift from now on; None when it never was."""
        began = time.monotonic()
        while time.monotonic() - began < give_up_s:
            seen = self.look()
            expected_s = offset_s + drift * (time.monotonic() - began)
            if abs(seen.offset_s - expected_s) <= within_s + seen.uncertain_s:
                return seen
            time.sleep(_LOOK_S)
        return None


@contextmanager
def witness(target: Target, env: Mapping[str, str]) -> Iterator[ClockWitness]:
    """One that runs under the library, its clock right.

    Library and clock are its own, where the app sees neither: what the app could change must not be loaded by us.
    """
    work = target.work / "witness"
    library, clock = put_in_place(work), ClockPage(work, "witness")
    clock.make()
    clock.put_right()
    with target.helper(tell_the_time, env={**env, **environment(library, clock.path, env)}) as helper:
        yield ClockWitness(helper, clock)
