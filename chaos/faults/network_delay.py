"""Delay every packet that leaves the target.

The delay is added once to every round trip on an established connection of the target. Packets with SYN set
are spared, so a new connection pays once too, with its first exchange. Order within a flow is kept, FIN and
RST included.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import FaultError, InjectionError, RecoveryError
from chaos.faults.base import Delivered, Fault, Injection, Sample, Target
from chaos.faults.fidelity import median_interval
from chaos.faults.net.line import Line, nfqueue, tun_device
from chaos.faults.net.netem import netem
from chaos.faults.net.selection import Selection
from chaos.faults.net.sideband import EVERY_S, EchoProbe, echo_probe
from chaos.units import Duration, PositiveDuration

_ENOUGH_SAMPLES = 5
_TOLERANCE = 0.05
_TOLERANCE_MS = 1.0
_GONE_MS = 2.0
_SLACK_S = 2.0

Rung = Callable[[Target, Selection, float, float], AbstractContextManager[Line]]
LADDER: Sequence[tuple[str, Rung]] = (("netem", netem), ("nfqueue", nfqueue), ("tun", tun_device))
"""What is tried, in order; each is known by doing, not by asking for versions."""


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
        if self.process is not None and self.port is not None:
            raise ValueError("process and port exclude each other: name one of them")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError("port must lie between 1 and 65535")
        if self.jitter > self.delay:
            raise ValueError("jitter must not be greater than delay")

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        with echo_probe(target) as echo:
            selection = self._selection(target, echo.port)
            with self._line(target, selection) as line:
                first = self._verify(echo)
                notes = {
                    "new_connection_ms": max(
                        s["new_connection_ms"] for s in first if "new_connection_ms" in s
                    ),
                    "baseline_rtt_ms": round(echo.baseline_ms, 3),
                    "means": "once per round trip of an established connection; handshakes are spared",
                }
                echo.pace(EVERY_S)
                yield Injection(
                    line.mechanism, "real", self._asked(), self._observer(target, line, echo), EVERY_S, notes
                )
                echo.pace(0)
            self._verify_gone(echo)

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
        )
        spread = 2 * sum(abs(delay - median) for delay in delays) / len(delays)
        values = {"delay_ms": round(median, 3), "jitter_ms": round(spread, 3)}
        return Delivered(values, low, high, len(delays), landed, why)

    def _asked(self) -> dict[str, float]:
        return {"delay_ms": round(self.delay * 1e3, 6), "jitter_ms": round(self.jitter * 1e3, 6)}

    def _allowed_ms(self, count: int) -> float:
        """1 ms or 5 %, and twice the standard error of the median of so many samples under uniform jitter."""
        error = 2 * self.jitter * 1e3 / math.sqrt(count + 2)
        return max(_TOLERANCE_MS, _TOLERANCE * self.delay * 1e3) + error

    def _selection(self, target: Target, echo_port: int) -> Selection:
        if self.port is not None:
            return Selection((self.port,), False, (), echo_port)
        names = target.names() if self.process is None else [self.process]
        unknown = set(names) - set(target.names())
        if unknown:
            raise InjectionError(
                f"no process is named {', '.join(unknown)}; there are {', '.join(target.names())}"
            )
        ports = [port for port in map(target.port, names) if port is not None]
        return Selection(tuple(ports), True, tuple(target.pids(self.process)), echo_port)

    @contextmanager
    def _line(self, target: Target, selection: Selection) -> Iterator[Line]:
        """The first rung of the ladder that holds."""
        reasons = []
        with ExitStack() as stack:
            for name, rung in LADDER:
                try:
                    line = stack.enter_context(rung(target, selection, self.delay, self.jitter))
                except (FaultError, OSError) as error:
                    reasons.append(f"{name}: {error}")
                else:
                    yield line
                    return
        raise InjectionError("packets cannot be delayed here. " + "; ".join(reasons))

    def _verify(self, echo: EchoProbe) -> list[dict[str, float]]:
        """Watch one established and one new connection pay before saying that the delay is there."""
        trips = echo.await_trips(2, self.delay + self.jitter + _SLACK_S)
        least = (self.delay - self.jitter) * 0.5e3
        if any(trip["delay_ms"] < least for trip in trips):
            raise InjectionError(f"round trips were not delayed: {[trip['delay_ms'] for trip in trips]} ms")
        return trips

    def _verify_gone(self, echo: EchoProbe) -> None:
        most = max(_GONE_MS, (self.delay - self.jitter) * 0.5e3)
        trips = echo.await_trips(2, self.delay + self.jitter + _SLACK_S)
        if min(trip["delay_ms"] for trip in trips) > most:
            raise RecoveryError(f"round trips are still delayed: {[trip['delay_ms'] for trip in trips]} ms")

    def _observer(self, target: Target, line: Line, echo: EchoProbe) -> Callable[[], Sample | None]:
        def observe() -> Sample | None:
            line.update([] if self.port is not None else target.pids(self.process))
            counts = line.counts()
            samples = [{**trip, **counts} for trip in echo.fetch()]
            for sample in samples[:-1]:
                target.measured(**sample)
            return samples[-1] if samples else None

        return observe
