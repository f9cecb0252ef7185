"""Delay every packet that leaves the target.

The delay is added once to every round trip on an established connection of the target. Packets with SYN set
are spared, so a new connection pays once too, with its first exchange. Order within a flow is kept, FIN and
RST included.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.base import Delivered, Fault, Injection, Sample, Target
from chaos.faults.fidelity import median_interval
from chaos.faults.net.line import Line
from chaos.faults.net.packets import Leaving, treated
from chaos.faults.net.sideband import EVERY_S, EchoProbe, echo_probe
from chaos.units import Duration, PositiveDuration

_ENOUGH_SAMPLES = 5
_TOLERANCE = 0.05
_TOLERANCE_MS = 1.0
_GONE_MS = 2.0
_ANSWER_S = 2.0
_LOOK_S = 0.002
_PATIENCE = 500
"""Looks before giving up: about a second."""


@dataclass(frozen=True, kw_only=True)
class NetworkDelay(Fault):
    """Add latency to the traffic of one process, of one port, or of the whole app."""

    type: Literal["network_delay"] = "network_delay"
    delay: PositiveDuration = 0.3
    jitter: Duration = 0.0
    """Uniform, up to so much more or less."""
    process: str | None = None
    """Packets that leave this process: answers from its ports, and requests to others."""
    port: int | None = None
    """Packets that leave this port. Neither process nor port: every process of the app."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"delay": "100ms"},
        "medium": {"delay": "300ms"},
        "high": {"delay": "1s"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})

    def __post_init__(self) -> None:
        Leaving(self.process, self.port)
        if self.jitter > self.delay:
            raise ValueError("jitter must not be greater than delay")

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter the line is seen to hold packets of ours; on exit a round trip is seen to be fast again."""
        with echo_probe(target) as echo:
            selection = Leaving(self.process, self.port).selection(target, echo.port, handshakes=False)
            order = {"way": "delay", "delay_s": self.delay, "jitter_s": self.jitter}
            with treated(target, selection, order) as line:
                echo.pace(EVERY_S)
                early = self._await_hold(target, line, echo)
                notes = {
                    "baseline_rtt_ms": round(echo.baseline_ms, 3),
                    "means": "once per round trip of an established connection; handshakes are spared",
                }
                observe = self._observer(target, line, echo, early)
                yield Injection(line.mechanism, "real", self._asked(), observe, EVERY_S, notes)
                echo.pace(0)
            self._await_end(echo)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        delays = [float(s["delay_ms"]) for s in samples if "delay_ms" in s]
        packets = max((int(s["target_packets"]) for s in samples if "target_packets" in s), default=0)
        asked = self._asked()
        if len(delays) < _ENOUGH_SAMPLES:
            why = f"only {len(delays)} round trips were measured; {_ENOUGH_SAMPLES} are needed"
            return Delivered({name: 0.0 for name in asked}, None, None, len(delays), False, why)
        median, low, high = median_interval(delays)
        allowed = self._allowed_ms(len(delays))
        near = abs(median - asked["delay_ms"]) <= allowed
        landed = near and packets > 0
        why = (
            f"median {median:.1f} ms of {len(delays)} round trips is {'' if near else 'not '}within "
            f"{allowed:.1f} ms of {asked['delay_ms']:.0f} ms asked; {packets} packets of the target were delayed"
        ) + _new_connections(samples)
        spread = 2 * sum(abs(delay - median) for delay in delays) / len(delays)
        values = {"delay_ms": round(median, 3), "jitter_ms": round(spread, 3)}
        return Delivered(values, low, high, len(delays), landed, why)

    def _asked(self) -> dict[str, float]:
        return {"delay_ms": round(self.delay * 1e3, 6), "jitter_ms": round(self.jitter * 1e3, 6)}

    def _allowed_ms(self, count: int) -> float:
        """1 ms or 5 %, and twice the standard error of the median of so many samples under uniform jitter."""
        error = 2 * self.jitter * 1e3 / math.sqrt(count + 2)
        return max(_TOLERANCE_MS, _TOLERANCE * self.delay * 1e3) + error

    def _await_hold(self, target: Target, line: Line, echo: EchoProbe) -> list[dict[str, float]]:
        """Wait until the line holds a new and an established connection's packet; trips that ended meanwhile.

        Waiting for the first trip to end as well would date the beginning too late, by the delay itself.
        """
        trips: list[dict[str, float]] = []
        for _ in range(_PATIENCE):
            held = line.counts().get("echo_packets", 0)
            trips += echo.fetch()
            if any(trip["delay_ms"] < self._half_ms for trip in trips):
                break
            if held >= 2:
                return trips
            target.wait(_LOOK_S)
        raise InjectionError(f"packets of ours were not delayed: {[trip['delay_ms'] for trip in trips]} ms")

    def _await_end(self, echo: EchoProbe) -> None:
        slow: list[float] = []
        for _ in range(_PATIENCE):
            trips = echo.await_trips(2, _LOOK_S, self.delay + self.jitter + _ANSWER_S)
            slow += [trip["delay_ms"] for trip in trips]
            if slow[-1] < max(_GONE_MS, self._half_ms):
                return
        raise RecoveryError(f"round trips are still delayed: {slow[-5:]} ms")

    @property
    def _half_ms(self) -> float:
        """Half of the least delay that the line may give."""
        return (self.delay - self.jitter) * 0.5e3

    def _observer(
        self, target: Target, line: Line, echo: EchoProbe, early: list[dict[str, float]]
    ) -> Callable[[], Sample | None]:
        def observe() -> Sample | None:
            line.update(Leaving(self.process, self.port).pids(target))
            counts = line.counts()
            samples = [{**trip, **counts} for trip in (*early, *echo.fetch())]
            early.clear()
            for sample in samples[:-1]:
                target.measured(**sample)
            return samples[-1] if samples else None

        return observe


def _new_connections(samples: Sequence[Sample]) -> str:
    paid = [float(sample["new_connection_ms"]) for sample in samples if "new_connection_ms" in sample]
    return f"; a new connection and its first exchange took {median_interval(paid)[0]:.1f} ms" if paid else ""
