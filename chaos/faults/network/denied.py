"""Faults that deny connections: put in place, seen to fail an attempt of ours, counted, and seen to be gone.

The attempts are to a server of our own, whose port is under the same rule as the target's packets: what they meet is
what the target's connections meet, and the target is not disturbed by them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.network.attempts import CONNECT_EVERY_S, CONNECT_S
from chaos.faults.network.ended import end_open
from chaos.faults.network.failing import ENOUGH, judged, told
from chaos.faults.network.outside import Attempts, own_attempts
from chaos.faults.network.packets import Traffic, treated
from chaos.faults.network.selection import Segments
from chaos.faults.support.base import Delivered, Injection, Met, Sample, Target, last, of_the_app
from chaos.faults.support.fidelity import enough_for, traffic_needed

LEAST_SHARE = 0.05
_AT_ONCE = 4
_IN_A_ROW = 10
_SETTLE_S = 0.5


@dataclass(frozen=True)
class Denial:
    """Which connections, how many of them, what is done to them, and how an attempt of ours shows it."""

    traffic: Traffic
    way: str
    """The treatment: `vanished` or `reset`."""
    segments: Segments
    share: float
    key: str
    """What the share is called among the asked and the delivered."""
    fails_as: str
    ends_open: bool = False
    """Whether connections that are open already are ended at once, too."""

    @property
    def asked(self) -> dict[str, float | str]:
        """For the journal."""
        return {self.key: self.share}

    @property
    def at_once(self) -> int:
        """Attempts at the same time."""
        return 1 if self.share == 1 else _AT_ONCE

    @property
    def enough(self) -> int:
        """Attempts that tell the share."""
        return ENOUGH if self.share == 1 else enough_for(self.share)

    @property
    def hold_s(self) -> float:
        """How long it takes to make so many."""
        failing_s = CONNECT_S if self.fails_as == "timeout" else CONNECT_EVERY_S
        each_s = self.share * failing_s + (1 - self.share) * CONNECT_EVERY_S
        return round(self.enough * each_s / self.at_once * 1.25 + _SETTLE_S, 1)


def check(share: float) -> None:
    """Raises ValueError when a share is too small to be measured."""
    if not LEAST_SHARE <= share <= 1:
        raise ValueError(f"share must lie between {LEAST_SHARE:.0%} and 100%, which is what can be measured")


@contextmanager
def denying(target: Target, denial: Denial, notes: Mapping[str, Any]) -> Iterator[Injection]:
    """On enter an attempt of ours has failed as asked; on exit attempts succeed again."""
    with own_attempts(target, denial.at_once) as (attempts, port):
        _await_well(attempts)
        selection = denial.traffic.selection(target, port, denial.segments)
        seed = target.random.getrandbits(32)
        order = {"way": denial.way, "share": denial.share, "seed": seed}
        with treated(target, selection, order) as line:
            about, ended, own_ended = dict(notes), 0, 0
            if denial.ends_open:
                ended, own_ended = end_open(target, selection, denial.share, seed)
                about["reset_open_connections"] = ended
            attempts.await_failure(denial.fails_as, payload=False)

            def observe() -> Sample | None:
                line.update(denial.traffic.pids(target))
                counts = {**line.counts(), "ended": ended, "own_ended": own_ended}
                return told(target, attempts, denial.fails_as, **counts)

            yield Injection(line.mechanism, "real", denial.asked, observe, CONNECT_EVERY_S, about)
        _await_gone(denial, attempts)


def denied(denial: Denial, samples: Sequence[Sample], what: str) -> Delivered:
    """Landed when the share of our attempts fits, and the target met the fault: its packets, or open connections."""
    found = judged(samples, denial.fails_as, denial.share, denial.enough)
    newest = samples[-1] if samples else {}
    packets, treated_ones, ended = (
        int(newest.get(name, 0)) for name in ("target_packets", "target_treated", "ended")
    )
    why = f"{found.why}; {treated_ones:,} of {packets:,} {what}"
    if denial.ends_open:
        why += f", {max(0, ended):,} open connections were reset at once"
    in_place = found.fits
    landed = found.fits and (treated_ones > 0 or ended > 0)
    needed = traffic_needed(denial.share)
    if packets < needed and not ended > 0:
        landed, why = False, f"{why}: too little traffic met it, {needed} are needed"
    return Delivered(
        {denial.key: round(found.share, 6)}, found.low, found.high, found.count, landed, why, in_place
    )


def met_by(denial: Denial, samples: Sequence[Sample], what: str) -> Met:
    """What of the target's own was denied, of its packets that might have been."""
    ended = max(0, last(samples, "ended") - last(samples, "own_ended"))
    also = f", and {ended:,} open connections were reset at once" if ended else ""
    packets = of_the_app(samples, "packets")
    return Met.counted(
        of_the_app(samples, "treated") + ended,
        packets + ended,
        f"{what}{also}",
        f"none of the app's {packets:,} packets that might have been was denied"
        if packets
        else "the app sent nothing that could be denied",
        needed=1 if ended else traffic_needed(denial.share),
    )


def _await_well(attempts: Attempts) -> None:
    try:
        attempts.await_one(lambda attempt: attempt["as"] == "connected", "succeeded before the fault")
    except InjectionError as error:
        raise InjectionError(f"cannot be measured here: {error}") from error


def _await_gone(denial: Denial, attempts: Attempts) -> None:
    """One succeeds; where only a share failed, some in a row do."""
    attempts.fetch()
    for _ in range(1 if denial.share == 1 else _IN_A_ROW):
        try:
            attempts.await_one(lambda attempt: attempt["as"] == "connected", "succeeded again")
        except InjectionError as error:
            raise RecoveryError(str(error)) from error
