"""Delay the packets of the target: what leaves it, what reaches it, or both by half.

Whichever direction, the delay is added once to every round trip on an established connection of the target. With
`handshake` it is to the packets that open one, too, as on a longer road: connecting pays, and then each round trip of a
TLS handshake. Without, packets with SYN set are spared, so a new connection pays once, with its first exchange. Order
within a flow is kept, FIN and RST included, so what drew a short delay waits for what was sent before it; only bare
acknowledgements do not.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.network.endpoints import parted
from chaos.faults.network.handshakes import MEANS, connecting, first_exchange, tls
from chaos.faults.network.line import ActiveTreatment
from chaos.faults.network.netem import why_unfit
from chaos.faults.network.packets import Direction, Traffic, treated
from chaos.faults.network.sideband import EVERY_S, EchoProbe, echo_probe
from chaos.faults.network.spread import SPREADS, Distribution, Spread
from chaos.faults.network.treatment import Order
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target, of_the_app
from chaos.faults.support.fidelity import median_interval
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.units import Duration, PositiveDuration

_ENOUGH_SAMPLES = 5
_ENOUGH_FOR_JITTER = {"uniform": 20, "normal": 40, "pareto": 60}
"""Trips that tell a jitter from none."""
_ROUGH, _ROUGH_MS = 0.25, 10.0
"""A single trip may be shorter by so much; a busy machine makes it longer, without a limit worth a rule."""
_TOLERANCE = 0.05
_TOLERANCE_MS = 1.0
_SPREAD_TOLERANCE = 0.1
_ERRORS = 3.29
"""Standard errors that a figure may be off: a true one is, once in a thousand times."""
_GONE_MS = 2.0
_ANSWER_S = 2.0
_LOOK_S = 0.002
_PATIENCE = 500
"""Looks before giving up: about a second."""


@dataclass(frozen=True, kw_only=True)
class NetworkDelay(Fault):
    """Add latency to the traffic of one process, of one port, or of the whole app; with everybody, or with one peer."""

    type: Literal["network_delay"] = "network_delay"
    delay: PositiveDuration = 0.3
    """What a round trip pays; the median under every distribution."""
    jitter: Duration = 0.0
    """How far delays spread about the median; each packet draws by itself, from the run's seed."""
    distribution: Distribution = "uniform"
    """uniform: up to the jitter more or less. normal: the jitter is the standard deviation. pareto: the same, but by a
    long tail of late packets (shape 3), none earlier than 0.3 of the jitter before the median. None is less than 0."""
    process: str | None = None
    """Packets of this process: of its ports, and of its connections to others."""
    port: int | None = None
    """Packets of this port of ours. Neither process nor port: every process of the app."""
    peer: str | None = None
    """Only those exchanged with this host, address or process, alone or with a port: `db`, `10.0.0.7`, `db:5432`."""
    direction: Direction = "out"
    """out: what leaves the target is late. in: what reaches it. both: each by half of the delay, the jitter on the way
    out; a round trip pays the whole in each case, a message that needs no answer only its own way's."""
    handshake: bool | None = None
    """Whether the packets that open a connection are late as well, so that connect timeouts and TLS are felt; they are
    with direction both, when not given."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"delay": "100ms"},
        "medium": {"delay": "300ms"},
        "high": {"delay": "1s"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _ = self._traffic
        if self.distribution not in SPREADS:
            raise ValueError(f"distribution must be one of {', '.join(SPREADS)}")
        if self.jitter > self.delay:
            raise ValueError("jitter must not be greater than delay")
        if self.direction == "both" and self.jitter > self.delay / 2:
            raise ValueError("with direction both, jitter must not be greater than half of the delay")

    def about_peer(self) -> tuple[str | None, int | None]:
        """See Fault."""
        return parted(self.peer) if self.peer else (None, None)

    def unfit(self) -> Mapping[str, str]:
        """See Fault: the kernel's own delay line is for one port alone."""
        ways = ("out",) if self.direction == "out" else ("in",)
        why = why_unfit(
            by_owner=self.port is None, ways=ways, peers=self.peer is not None, jitter=self.jitter > 0
        )
        return {"netem": why} if why else {}

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter the line is seen to hold packets of ours; on exit a round trip is seen to be fast again."""
        with echo_probe(target) as echo:
            selection = self._traffic.selection(target, echo.port, "all" if self._handshakes else "exchange")
            if self._handshakes:
                echo.measure_tls()
            with treated(target, selection, self._order) as line:
                echo.pace(self._pace_s)
                early = self._await_hold(target, line, echo)
                notes = {
                    "baseline_rtt_ms": round(echo.baseline_ms, 3),
                    "means": MEANS[self._handshakes],
                    **self._particulars(),
                }
                observe = self._observer(target, line, echo, early)
                yield Injection(line.mechanism, "real", self._asked(), observe, EVERY_S, notes)
                echo.pace(0)
            self._await_end(echo)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when the median is the delay, the spread is the jitter, and packets of the target were delayed."""
        delays = [float(s["delay_ms"]) for s in samples if "delay_ms" in s]
        packets = max((int(s["target_packets"]) for s in samples if "target_packets" in s), default=0)
        asked = self._asked()
        if len(delays) < self._enough:
            why = f"only {len(delays)} round trips were measured; {self._enough} are needed"
            return Delivered({name: 0.0 for name in asked}, None, None, len(delays), False, why)
        median, low, high, effective = median_interval(delays)
        allowed = self._allowed_ms(len(delays))
        near = abs(median - asked["delay_ms"]) <= allowed
        spread = max(0.0, self._spread.jitter_of(delays))
        as_wide, of_spread = self._judge_spread(spread, len(delays))
        why = (
            f"median {median:.1f} ms of {len(delays)} round trips is {'' if near else 'not '}within "
            f"{allowed:.1f} ms of {asked['delay_ms']:.0f} ms asked{of_spread}; {packets} packets of the target were "
            f"delayed"
        )
        in_handshakes, said = self._judge_handshakes(samples)
        why += said
        lost = unsteady(delays, self._roughly, self._third_fits)
        values = {"delay_ms": round(median, 3), "jitter_ms": round(spread, 3)}
        in_place = near and as_wide and in_handshakes and not lost
        landed = in_place and packets > 0
        return Delivered(
            values, low, high, len(delays), landed, and_why(why, lost), in_place, effective=effective
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: packets of the target that were held back."""
        return Met.counted(
            of_the_app(samples, "packets"),
            None,
            "packets of the app were delayed",
            "no packet of the app went this way",
        )

    @property
    def _handshakes(self) -> bool:
        return self.direction == "both" if self.handshake is None else self.handshake

    def _judge_handshakes(self, samples: Sequence[Sample]) -> tuple[bool, str]:
        """As a third of the trips must, where they were asked to pay; what a new connection took, where not."""
        if not self._handshakes:
            return True, first_exchange(samples)
        asked_ms = self.delay * 1e3
        connections = sum("connect_ms" in sample for sample in samples)
        least = asked_ms - max(_ROUGH_MS, _ROUGH * asked_ms) - self._spread.least * self.jitter * 1e3
        allowed = 2 * self._allowed_ms(max(1, connections))
        near, said = connecting(samples, asked_ms, allowed, least)
        return near, said + tls(samples)

    @property
    def _enough(self) -> int:
        return _ENOUGH_FOR_JITTER[self.distribution] if self.jitter else _ENOUGH_SAMPLES

    def _roughly(self, delay_ms: float) -> bool:
        asked_ms, jitter_ms = self.delay * 1e3, self.jitter * 1e3
        return delay_ms >= asked_ms - max(_ROUGH_MS, _ROUGH * asked_ms) - self._spread.least * jitter_ms

    def _third_fits(self, delays: Sequence[float]) -> bool:
        """As all of them must, but for twice the tolerance."""
        return abs(median_interval(delays)[0] - self.delay * 1e3) <= 2 * self._allowed_ms(len(delays))

    def _asked(self) -> dict[str, float]:
        return {"delay_ms": round(self.delay * 1e3, 6), "jitter_ms": round(self.jitter * 1e3, 6)}

    def _particulars(self) -> dict[str, str]:
        """What the numbers leave out."""
        said: dict[str, str] = {"direction": "" if self.direction == "out" else self.direction}
        said |= {"distribution": self.distribution if self.jitter else "", "peer": self.peer or ""}
        return {name: value for name, value in said.items() if value}

    @property
    def _traffic(self) -> Traffic:
        return Traffic(self.process, self.port, self.peer, self.direction)

    @property
    def _spread(self) -> Spread:
        return SPREADS[self.distribution]

    @property
    def _order(self) -> Order:
        whole = {"way": "delay", "jitter_s": self.jitter, "distribution": self.distribution}
        if self.direction != "both":
            return {**whole, "delay_s": self.delay}
        half = self.delay / 2
        return {**whole, "delay_s": half, "in": {"way": "delay", "delay_s": half}}

    @property
    def _pace_s(self) -> float:
        """A spread takes more round trips to tell than a median."""
        return EVERY_S / 2 if self.jitter else EVERY_S

    def _allowed_ms(self, count: int) -> float:
        """1 ms or 5 %, and 3.3 standard errors of the median of so many samples under the jitter."""
        error = _ERRORS * self._spread.median_error * self.jitter * 1e3 / math.sqrt(count)
        return max(_TOLERANCE_MS, _TOLERANCE * self.delay * 1e3) + error

    def _judge_spread(self, spread_ms: float, count: int) -> tuple[bool, str]:
        """Within 1 ms or 10 %, and 3.3 standard errors; what a machine adds where no jitter was asked is not judged."""
        if not self.jitter:
            return True, ""
        jitter_ms = self.jitter * 1e3
        error = _ERRORS * self._spread.quartiles_error / math.sqrt(count) * jitter_ms
        allowed = max(_TOLERANCE_MS, _SPREAD_TOLERANCE * jitter_ms) + error
        near = abs(spread_ms - jitter_ms) <= allowed
        said = f"its {self.distribution} jitter {spread_ms:.1f} ms {'' if near else 'not '}within {allowed:.1f} ms"
        return near, f", {said} of {jitter_ms:.0f} ms"

    def _await_hold(self, target: Target, line: ActiveTreatment, echo: EchoProbe) -> list[dict[str, float]]:
        """Wait until the line holds a new and an established connection's packet; trips that ended meanwhile.

        Waiting for the first trip to end as well would date the beginning too late, by the delay itself.
        """
        trips: list[dict[str, float]] = []
        # with the end of the new one's handshake, where that is not held as well
        enough = 2 if self.direction == "out" or self._handshakes else 3
        for _ in range(_PATIENCE):
            held = line.counts().get("echo_packets", 0)
            trips += echo.fetch()
            if any(trip["delay_ms"] < self._half_ms for trip in trips):
                break
            if held >= enough:
                return trips
            target.wait(_LOOK_S)
        raise InjectionError(f"packets of ours were not delayed: {[trip['delay_ms'] for trip in trips]} ms")

    def _await_end(self, echo: EchoProbe) -> None:
        slow: list[float] = []
        for _ in range(_PATIENCE):
            trips = echo.await_trips(2, _LOOK_S, self.delay + 10 * self.jitter + _ANSWER_S)
            slow += [trip["delay_ms"] for trip in trips if "delay_ms" in trip]
            if slow and slow[-1] < max(_GONE_MS, self._half_ms):
                return
        raise RecoveryError(f"round trips are still delayed: {slow[-5:]} ms")

    @property
    def _half_ms(self) -> float:
        """Half of the least delay that the line may give."""
        return max(0.0, self.delay - self._spread.least * self.jitter) * 0.5e3

    def _observer(
        self, target: Target, line: ActiveTreatment, echo: EchoProbe, early: list[dict[str, float]]
    ) -> Callable[[], Sample | None]:
        def observe() -> Sample | None:
            line.update(self._traffic.pids(target))
            if self._handshakes:
                echo.begin_tls()
            counts = line.counts()
            samples = [{**trip, **counts} for trip in (*early, *echo.fetch())]
            early.clear()
            for sample in samples[:-1]:
                target.measured(**sample)
            return samples[-1] if samples else None

        return observe
