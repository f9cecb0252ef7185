"""A helper that has the app run and stand still by turns, and that lets it go on when whoever asked for it is gone."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from chaos.errors import FaultError, InjectionError
from chaos.faults.network.punctual import be_punctual
from chaos.faults.process.following import ENDED, HelperClient
from chaos.faults.process.stopping import Stopper
from chaos.faults.process.tree import CpuAccount, cpu_s, family
from chaos.faults.support.base import Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S, receive, send

_RATION_LOOK_S = 0.002
_WINDOW_S = 0.05
"""How long one look at a lasting pause spans."""


class Pacer(HelperClient):
    """The agent's side. Should the helper be gone, everybody goes on all the same."""

    alone = False
    """Whether only its roots are stopped, and not what descends from them."""

    def end(self) -> Iterator[dict[str, Any]]:
        """See Follower."""
        try:
            yield from super().end()
        except FaultError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.helper.pid, signal.SIGKILL)
            stopper = Stopper(self.roots, alone=self.alone)
            stopper.take_over()
            stopper.let_go()


@contextmanager
def paced(
    target: Target, roots: Sequence[int], function: Callable[..., None], *, alone: bool = False, **how: Any
) -> Iterator[Pacer]:
    """Run the pacing `function` on these and what descends from them, unless `alone`; everybody goes on at the exit.

    The first pause is seen on enter. Raises InjectionError.
    """
    if alone:
        how["alone"] = True
    with target.helper(function, roots=list(roots), **how) as helper:
        pacer = Pacer(helper, roots)
        pacer.alone = alone

        def go_on() -> None:
            for sample in pacer.end():
                target.measured(**sample)

        with target.undo("the stopped processes", go_on):
            first = pacer.first()
            if first is None:
                raise InjectionError(f"nothing stood still within {ANSWERS_WITHIN_S:g} s")
            target.measured(**first)
            yield pacer


def pause(roots: list[int], share: float, every_s: float, alone: bool = False) -> None:
    """Helper: the app stands still for `share` of every `every_s`, until the channel ends or says `end`."""
    be_punctual()
    stopper = Stopper(roots, alone=alone)
    with _letting_go(stopper):
        _pause_for_good(stopper) if share >= 1 else _pause_by_turns(stopper, share, every_s)


pause.outlives_agent = True  # type: ignore[attr-defined]


def ration(roots: list[int], cores: float, period_s: float) -> None:
    """Helper: let the app use so much CPU time in every period, then stop it until the next one begins.

    What it overdraws is taken off the period after. Tells of each period how much was used, and whether all was.
    """
    be_punctual()
    stopper = Stopper(roots)
    with _letting_go(stopper):
        _ration(stopper, cores * period_s, period_s)


ration.outlives_agent = True  # type: ignore[attr-defined]


def _ration(stopper: Stopper, quota_s: float, period_s: float) -> None:
    account, overdrawn_s = CpuAccount(), 0.0
    account.drawn_s(stopper.roots)
    while True:
        ends = time.monotonic() + period_s
        pids = [process.pid for process in family(stopper.roots)]
        stopper.let_go()
        used_s, exhausted = 0.0, False
        while not exhausted and time.monotonic() < ends:
            used_s += account.drawn_s(pids)
            if exhausted := used_s >= quota_s - overdrawn_s:
                stopper.stop()
            if told_to_end(stopper, ends if exhausted else min(ends, time.monotonic() + _RATION_LOOK_S)):
                return
        used_s += account.drawn_s(pids)
        overdrawn_s = max(0.0, used_s + overdrawn_s - quota_s)
        send({"used_s": round(used_s, 6), "periods": 1, "throttled": int(exhausted)})


@contextmanager
def _letting_go(stopper: Stopper) -> Iterator[None]:
    """Whatever happens, the app goes on; whoever still listens hears of it. The end of the channel is no error."""
    try:
        with contextlib.suppress(EOFError, BrokenPipeError):
            yield
    finally:
        began = time.monotonic()
        stopper.let_go()
        with contextlib.suppress(BrokenPipeError):
            send({"resumed_ms": _ms(time.monotonic() - began), ENDED: True})


def _pause_for_good(stopper: Stopper) -> None:
    _stop_first(stopper)
    last, used_s = time.monotonic(), cpu_s(stopper.held())
    while not told_to_end(stopper, last + _WINDOW_S):
        stirring = stopper.stop()
        now, used_now_s = time.monotonic(), cpu_s(stopper.held())
        send(turn(0.0 if stirring else now - last, now - last, used_now_s - used_s))
        last, used_s = now, used_now_s


def _pause_by_turns(stopper: Stopper, share: float, every_s: float) -> None:
    """Turns begin at fixed times, and a pause makes up for what the ones before it lacked."""
    began = start = time.monotonic()
    paused_s, turns = 0.0, 0
    _stop_first(stopper)
    while True:
        turns += 1
        ends = start + turns * every_s
        stopped_at, used_s = stopper.quiet_since, cpu_s(stopper.held())
        least_run_s = (1 - share) * every_s / 2
        if told_to_end(stopper, min(stopped_at + share * turns * every_s - paused_s, ends - least_run_s)):
            return
        used_s, pause_s = cpu_s(stopper.held()) - used_s, time.monotonic() - stopped_at
        paused_s += pause_s
        stopper.let_go()
        if told_to_end(stopper, ends):
            return
        now = time.monotonic()
        send(turn(pause_s, now - began, used_s))
        began = now
        stopper.stop()


def _stop_first(stopper: Stopper) -> None:
    began = time.monotonic()
    stopper.stop()
    send({"stopped_ms": _ms(time.monotonic() - began), "processes": len(stopper.held())})


def turn(paused_s: float, turn_s: float, used_s: float) -> dict[str, float]:
    """One sample: how much of how long the app stood still, and the CPU time it had meanwhile (0 when it did)."""
    return {"paused_s": round(paused_s, 6), "turn_s": round(turn_s, 6), "cpu_ms_while_paused": _ms(used_s)}


def _ms(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 3)


def told_to_end(stopper: Stopper, until: float) -> bool:
    """Wait; True as soon as the agent says `end`. Takes new roots meanwhile. Raises EOFError when it is gone."""
    while (left_s := until - time.monotonic()) > 0:
        message: Mapping[str, Any] | None = receive(left_s)
        if message is None:
            break
        if "end" in message:
            return True
        stopper.roots = list(message["roots"])
    return False
