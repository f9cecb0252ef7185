"""Let the packets that leave the target go at so many bytes a second, as over a slow link.

A token bucket in a process of ours: packets wait their turn, and what finds too long a queue is dropped, which is what
tells TCP to slow down. On loopback a packet is up to 64 KiB of a stream, so a slow link is felt in lumps of that size.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

from chaos.errors import FaultError, InjectionError, RecoveryError
from chaos.faults.network import transfer
from chaos.faults.network.line import ActiveTreatment
from chaos.faults.network.packets import Traffic, treated
from chaos.faults.support.base import Delivered, Fault, Helper, Injection, Met, Sample, Target, of_the_app
from chaos.faults.support.channel import ANSWERS_WITHIN_S
from chaos.faults.support.fidelity import mean_interval
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.units import ByteRate, PositiveDuration, Size

_EVERY_S = 0.5
_WINDOWS = 4
_TOLERATED = 0.05
_OF_A_THIRD = 0.15
_ROUGH = 2.0
_SLOWEST, _FASTEST = 32e3, 125e6
_LOOK_S = 0.3
_TRIES = 10


@dataclass(frozen=True, kw_only=True)
class Bandwidth(Fault):
    """Limit what leaves one process, one port, or the whole app together to `rate` bytes a second, headers included."""

    type: Literal["bandwidth"] = "bandwidth"
    rate: ByteRate = 1e6
    """32KB/s to 125MB/s (1 Gbit/s)."""
    burst: Size = 0.0
    """Bytes that may go at once after silence."""
    queue: PositiveDuration = 1.0
    """A packet that finds more than so much waiting before it is dropped."""
    process: str | None = None
    """What leaves this process: answers from its ports, and requests to others."""
    port: int | None = None
    """What leaves this port. Neither process nor port: every process of the app, all on one link."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"rate": "10MB/s"},
        "medium": {"rate": "1MB/s"},
        "high": {"rate": "100KB/s"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        Traffic(self.process, self.port)
        if not _SLOWEST <= self.rate <= _FASTEST:
            raise ValueError(
                "rate must lie between 32KB/s and 125MB/s, which is what can be done and measured"
            )
        if self.burst > self.rate:
            raise ValueError("burst must not be more than the rate lets go in a second")

    def minimum_hold_s(self) -> float:
        """See Fault: so many windows, and one more that is not counted."""
        return (_WINDOWS + 1) * _EVERY_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter a transfer of ours is seen to be slow; on exit it is fast again."""
        leaving = Traffic(self.process, self.port)
        order = {"way": "link", "rate": self.rate, "queue_s": self.queue, "burst_bytes": self.burst}
        with target.helper(transfer.run, rate=self.rate) as probe:
            selection = leaving.selection(target, int(_answer(probe)["port"]), "all")
            with treated(target, selection, order) as line:
                probe.send({"go": True})
                self._await_slow(probe)
                notes = {
                    "queue_s": self.queue,
                    "means": "what leaves the target shares one such link; our own transfer has another",
                }
                observe = self._observer(target, leaving, line, probe)
                yield Injection(line.mechanism, "real", self._asked(), observe, _EVERY_S, notes)
            self._await_fast(probe)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        asked = self._asked()
        seen = [(float(s["received"]), float(s["at"])) for s in samples if "received" in s]
        windows = [(b - a) / (until - at) for (a, at), (b, until) in pairwise(seen) if until > at]
        if len(windows) < _WINDOWS:
            why = f"only {len(windows)} windows of our transfer were measured; {_WINDOWS} are needed"
            return Delivered({name: 0.0 for name in asked}, None, None, len(windows), False, why)
        (first, began), (latest, ended) = seen[0], seen[-1]
        rate = (latest - first) / (ended - began)
        _, low, high, effective = mean_interval(windows)
        packets, dropped, passed = (
            int(samples[-1].get(f"target_{name}", 0)) for name in ("packets", "treated", "passed_bytes")
        )
        near = abs(rate - self.rate) <= _TOLERATED * self.rate
        why = (
            f"a transfer of ours went at {rate:,.0f} bytes a second, {'' if near else 'not '}within "
            f"{_TOLERATED:.0%} of {self.rate:,.0f} asked; {packets:,} packets of the target came to the link, "
            f"{dropped:,} were dropped, {passed:,} bytes went on"
        )
        gone = unsteady(
            windows,
            lambda seen: seen <= _ROUGH * self.rate,
            lambda some: abs(mean_interval(some)[0] - self.rate) <= _OF_A_THIRD * self.rate,
        )
        values = {"rate_bytes_per_s": round(rate, 1)}
        landed = near and packets > 0 and not gone
        return Delivered(
            values,
            low,
            high,
            len(windows),
            landed,
            and_why(why, gone),
            near and not gone,
            effective=effective,
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: packets of the target that came to the link."""
        return Met.counted(
            of_the_app(samples, "packets"),
            None,
            "packets of the app came to the link",
            "no packet of the app came to the link",
        )

    def _asked(self) -> dict[str, float]:
        return {"rate_bytes_per_s": self.rate}

    def _observer(
        self, target: Target, leaving: Traffic, line: ActiveTreatment, probe: Helper
    ) -> Callable[[], Sample | None]:
        def observe() -> Sample | None:
            line.update(leaving.pids(target))
            return {**_progress(probe), **line.counts()}

        return observe

    def _await_slow(self, probe: Helper) -> None:
        rates = []
        for _ in range(_TRIES):
            rates.append(_rate(probe))
            if 0 < rates[-1] < 1.5 * self.rate + self.burst / _LOOK_S:
                return
        raise InjectionError(f"a transfer of ours was not slowed down: {rates} bytes a second")

    def _await_fast(self, probe: Helper) -> None:
        rates = []
        for _ in range(_TRIES):
            rates.append(_rate(probe))
            if rates[-1] > 1.5 * self.rate:
                return
        raise RecoveryError(f"a transfer of ours is still slow: {rates} bytes a second")


def _rate(probe: Helper) -> float:
    """Bytes a second from now on, for a moment."""
    before = _progress(probe)
    probe.receive(_LOOK_S)
    after = _progress(probe)
    took = after["at"] - before["at"]
    return (after["received"] - before["received"]) / took if took > 0 else 0.0


def _progress(probe: Helper) -> Mapping[str, float]:
    probe.send({"ask": True})
    return _answer(probe)


def _answer(probe: Helper) -> Mapping[str, float]:
    message = probe.receive(ANSWERS_WITHIN_S)
    if message is None:
        raise FaultError(f"a transfer of our own said nothing within {ANSWERS_WITHIN_S:g} s")
    return message
