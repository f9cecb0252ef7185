"""Faults that strike a share of the packets: put in place, seen to strike, counted, and seen to be gone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from chaos.errors import FaultError, InjectionError, RecoveryError
from chaos.faults.network import datagrams
from chaos.faults.network.line import ActiveTreatment
from chaos.faults.network.packets import Traffic, treated
from chaos.faults.network.treatment import Order
from chaos.faults.support.base import Delivered, Helper, Injection, Met, Sample, Target, of_the_app
from chaos.faults.support.channel import ANSWERS_WITHIN_S
from chaos.faults.support.fidelity import enough_for, share_fits, share_interval, traffic_needed
from chaos.faults.support.steadiness import and_why, lost_share

EVERY_S = 0.2
PER_S = 1000.0
"""Packets of our own a second while the fault is held."""
LEAST_SHARE = 0.001
_FAST_PER_S = 4000.0
_SETTLE_S = 0.1
_LOOK = 40
"""Packets from one look for a first one that was struck to the next: 10 ms."""
_TRIES = 3
_THEIRS = 4.0
"""The target's own packets come in clumps: what is lost is sent again, and some are of a kind that is spared."""


@dataclass(frozen=True)
class Strike:
    """What is done to a share of the packets, and how our own packets show it."""

    leaving: Traffic
    order: Order
    share: float
    shown_as: str
    """The total of `datagrams` that counts those that were struck."""
    done: str
    """`lost`: in words, what the struck ones are."""
    clumping: float = 1.0
    """By how much the variance of the count is greater than a binomial one."""
    settle_s: float = _SETTLE_S

    @property
    def enough(self) -> int:
        """Packets that tell the share."""
        return enough_for(self.share, self.clumping)

    @property
    def hold_s(self) -> float:
        """How long it takes to send so many, and to know what became of them."""
        return round(self.enough / PER_S * 1.25 + self.settle_s + 2 * EVERY_S, 1)


def check(share: float, name: str) -> None:
    """Raises ValueError when a share is too small to be measured."""
    if not LEAST_SHARE <= share <= 1:
        raise ValueError(f"{name} must lie between {LEAST_SHARE:.1%} and 100%")


@contextmanager
def striking(
    target: Target, strike: Strike, asked: Mapping[str, float | str], notes: Mapping[str, Any]
) -> Iterator[Injection]:
    """On enter a packet of ours has been struck; on exit as many as tell the share have passed unharmed."""
    with target.helper(datagrams.run, settle_s=strike.settle_s) as probe:
        port = int(_answer(probe, "port"))
        selection = strike.leaving.selection(target, port, "all")
        with treated(target, selection, strike.order) as line:
            _await_strike(strike, probe)
            probe.send({"pace": PER_S})
            about = {**notes, "means": f"every packet that leaves the target, each {strike.share:.4g} likely"}
            observe = _observer(target, strike, line, probe)
            yield Injection(line.mechanism, "real", asked, observe, EVERY_S, about)
        _await_none(strike, probe)


def judged(
    strike: Strike, key: str, asked: Mapping[str, float | str], samples: Sequence[Sample]
) -> Delivered:
    """The share of our packets that were struck, by receipt; and the exact count of the target's."""
    newest = samples[-1] if samples else {}
    sent, struck = int(newest.get("sent", 0)), int(newest.get(strike.shown_as, 0))
    share, _, _ = share_interval(struck, sent)
    values = {**asked, key: round(share, 6)}
    if sent < strike.enough:
        why = (
            f"only {sent} packets of ours were counted; {strike.enough} are needed to tell {strike.share:.2%}"
        )
        return Delivered(values, None, None, sent, False, why)
    # As many independent packets as tell as much as these do: the variance over the binomial one.
    _, low, high = share_interval(round(struck / strike.clumping), round(sent / strike.clumping))
    near = share_fits(struck, sent, strike.share, strike.clumping)
    why = (
        f"{struck:,} of {sent:,} packets of ours were {strike.done}, which "
        f"{'goes' if near else 'does not go'} with {strike.share:.2%} asked (exact test, 0.1 %); "
    )
    gone = lost_share(_since_the_last(strike, samples), strike.share, strike.clumping)
    met, said = _met(strike, newest)
    landed, in_place = near and met and not gone, near and not gone and not _odd(strike, newest)
    return Delivered(values, round(low, 6), round(high, 6), sent, landed, and_why(why + said, gone), in_place)


def _since_the_last(strike: Strike, samples: Sequence[Sample]) -> list[tuple[int, int]]:
    """What each sample counted more than the one before: (sent, struck)."""
    totals = [(0, 0), *((int(each.get("sent", 0)), int(each.get(strike.shown_as, 0))) for each in samples)]
    return [(now[0] - then[0], now[1] - then[1]) for then, now in pairwise(totals)]


def met_by(strike: Strike, samples: Sequence[Sample]) -> Met:
    """How many of the target's own packets were struck."""
    packets = of_the_app(samples, "packets")
    return Met.counted(
        of_the_app(samples, "treated"),
        packets,
        f"packets of the app were {strike.done}",
        f"none of the app's {packets:,} packets was {strike.done}" if packets else "the app sent no packet",
        needed=traffic_needed(strike.share, strike.clumping),
    )


def _odd(strike: Strike, seen: Sample) -> bool:
    """Whether the target sent enough to tell, and what was struck of it does not go with what was asked."""
    packets, theirs = int(seen.get("target_packets", 0)), int(seen.get("target_treated", 0))
    if packets < traffic_needed(strike.share, strike.clumping):
        return False
    return not share_fits(theirs, packets, strike.share, max(strike.clumping, _THEIRS))


def _met(strike: Strike, seen: Sample) -> tuple[bool, str]:
    """Whether the target's own packets met it: so many that it could not well have missed them all, and it did not."""
    packets, theirs = int(seen.get("target_packets", 0)), int(seen.get("target_treated", 0))
    said = f"of {packets:,} packets of the target {theirs:,} were"
    if packets:
        _, lowest, highest = share_interval(theirs, packets)
        said += f" ({lowest:.2%} to {highest:.2%})"
    needed = traffic_needed(strike.share, strike.clumping)
    if packets < needed:
        return False, f"{said}: too little traffic met it, {needed:,} packets are needed"
    if theirs == 0 or not share_fits(theirs, packets, strike.share, max(strike.clumping, _THEIRS)):
        return False, f"{said}: that does not go with {strike.share:.2%} asked"
    return True, said


def _observer(
    target: Target, strike: Strike, line: ActiveTreatment, probe: Helper
) -> Callable[[], Sample | None]:
    def observe() -> Sample | None:
        line.update(strike.leaving.pids(target))
        return {**_totals(probe), **line.counts()}

    return observe


def _await_strike(strike: Strike, probe: Helper) -> None:
    probe.send({"pace": _FAST_PER_S})
    for sent in range(_LOOK, 4 * strike.enough + _LOOK, _LOOK):
        if _totals(probe, sent)[strike.shown_as]:
            return
    raise InjectionError(f"none of {sent} packets of ours was {strike.done}")


def _await_none(strike: Strike, probe: Helper) -> None:
    """As many packets pass as would have told the share, at most a second's."""
    wanted = min(strike.enough, int(_FAST_PER_S))
    for _ in range(_TRIES):
        probe.send({"pace": _FAST_PER_S})
        totals = _totals(probe, wanted)
        if not totals[strike.shown_as]:
            return
    raise RecoveryError(f"packets of ours are still {strike.done}: {dict(totals)}")


def _totals(probe: Helper, after: int = 0) -> Mapping[str, int]:
    """Of all packets that count, once they are so many."""
    probe.send({"after": after})
    totals: Mapping[str, int] = _answer(probe, "totals")
    return totals


def _answer(probe: Helper, key: str) -> Any:
    message = probe.receive(ANSWERS_WITHIN_S)
    if message is None or key not in message:
        raise FaultError(f"packets of our own: no {key} within {ANSWERS_WITHIN_S:g} s")
    return message[key]
