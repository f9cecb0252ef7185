"""What happens to each packet of a selection: when it goes on, and how. Pure but for the random numbers given."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from random import Random
from typing import Any, ClassVar, Protocol

from chaos.faults.network.flows import Flow
from chaos.faults.network.spread import SPREADS

_MANY_FLOWS = 20_000


class Fate(Enum):
    """How a packet goes on."""

    PASS = "as it came"
    LATE = "as it came, behind others"
    DROP = "not at all"
    TWICE = "with a copy of it"
    CHANGED = "with one bit changed"
    RESET = "not at all, and its connection is reset at both ends"


class Treatment(Protocol):
    """One way to treat packets."""

    whole: ClassVar[bool]
    """Whether it needs all of a packet, not only its headers."""
    sends: ClassVar[bool]
    """Whether it has packets sent that nobody sent."""

    def treat(self, now: float, flow: Flow, size: int, *, bare: bool = False) -> tuple[float, Fate]:
        """When and how a packet of `size` bytes goes on that came at `now`; `bare`: see Packet."""


@dataclass
class Delay:
    """Every packet `delay_s` later, give or take what the distribution draws of `jitter_s`, see Spread.

    Order is kept within a flow only: across flows, one global queue would make every jittered packet wait for the
    slowest before it and so raise the median. For the same reason bare acknowledgements go when they may; TCP does not
    mind their order, and often one leaves right before an answer does. They draw from a source of their own: how many
    there are is up to the kernel's mood, and the seed alone should tell what the others draw.
    """

    random: Random
    delay_s: float
    jitter_s: float = 0.0
    distribution: str = "uniform"
    whole: ClassVar[bool] = False
    sends: ClassVar[bool] = False
    _last: dict[Hashable, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._for_bare = Random(self.random.getrandbits(32))

    def treat(self, now: float, flow: Hashable, size: int, *, bare: bool = False) -> tuple[float, Fate]:
        late = self.delay_s
        if self.jitter_s:
            drawn = SPREADS[self.distribution].draw(self._for_bare if bare else self.random)
            late += self.jitter_s * drawn
        due = max(now, now + late)
        if bare:
            return due, Fate.PASS
        due = max(due, self._last.get(flow, 0.0))
        if len(self._last) > _MANY_FLOWS:
            self._last = {flow: due for flow, due in self._last.items() if due > now}
        self._last[flow] = due
        return due, Fate.PASS


@dataclass
class Loss:
    """A share of the packets is dropped: each by itself, or `burst` in a row on average.

    In a row is Gilbert's model, which Elliott made more general: every packet is lost in the bad state and none in the
    good one; from bad to good with probability 1 / burst, and from good to bad so often that the share comes out.
    Source: Gilbert, Capacity of a Burst-Noise Channel, Bell System Technical Journal 39 (1960).
    """

    random: Random
    share: float
    burst: float | None = None
    whole: ClassVar[bool] = False
    sends: ClassVar[bool] = False
    _bad: bool = False

    def treat(self, now: float, flow: Hashable, size: int, *, bare: bool = False) -> tuple[float, Fate]:
        self._bad = self.random.random() < self._odds()
        return now, Fate.DROP if self._bad else Fate.PASS

    def _odds(self) -> float:
        if self.burst is None or self.share >= 1:
            return self.share
        return 1 - 1 / self.burst if self._bad else into_bad(self.share, self.burst)


def into_bad(share: float, burst: float) -> float:
    """The probability of a burst's beginning: share = into / (into + 1 / burst)."""
    return share / (1 - share) / burst


@dataclass
class Link:
    """A link of `rate` bytes a second, on which packets wait their turn; with too long a queue one is dropped.

    The generic cell rate algorithm of ITU-T I.371, in its virtual scheduling form, which is a token bucket of
    `burst_bytes`: what may go at once after silence.
    """

    random: Random
    rate: float
    queue_s: float
    burst_bytes: float = 0.0
    whole: ClassVar[bool] = False
    sends: ClassVar[bool] = False
    _free_at: float = 0.0

    def treat(self, now: float, flow: Hashable, size: int, *, bare: bool = False) -> tuple[float, Fate]:
        begins = max(now, self._free_at)
        if begins - now > self.queue_s + self.burst_bytes / self.rate:
            return now, Fate.DROP
        self._free_at = begins + size / self.rate
        return max(now, self._free_at - self.burst_bytes / self.rate), Fate.PASS


@dataclass
class Twice:
    """A share of the packets comes twice."""

    random: Random
    share: float
    whole: ClassVar[bool] = True
    sends: ClassVar[bool] = True

    def treat(self, now: float, flow: Hashable, size: int, *, bare: bool = False) -> tuple[float, Fate]:
        return now, Fate.TWICE if self.random.random() < self.share else Fate.PASS


@dataclass
class BitFlip:
    """A share of the packets has one bit changed."""

    random: Random
    share: float
    whole: ClassVar[bool] = True
    sends: ClassVar[bool] = True

    def treat(self, now: float, flow: Hashable, size: int, *, bare: bool = False) -> tuple[float, Fate]:
        return now, Fate.CHANGED if self.random.random() < self.share else Fate.PASS


@dataclass
class Overtaken:
    """A share of the packets waits for `by_s`, and what comes meanwhile goes before it."""

    random: Random
    share: float
    by_s: float
    whole: ClassVar[bool] = False
    sends: ClassVar[bool] = False

    def treat(self, now: float, flow: Hashable, size: int, *, bare: bool = False) -> tuple[float, Fate]:
        late = self.random.random() < self.share
        return (now + self.by_s, Fate.LATE) if late else (now, Fate.PASS)


@lru_cache(_MANY_FLOWS)
def lot(seed: int, flow: Flow) -> float:
    """The lot of a conversation, 0 to 1: the same in both directions, and wherever it is drawn."""
    ends = sorted(((flow.source, flow.source_port), (flow.destination, flow.destination_port)))
    return Random(f"{seed} {flow.protocol} {ends}").random()


@dataclass
class Vanished:
    """Every packet of a share of the conversations is dropped."""

    random: Random
    share: float
    seed: int
    """Of the lots: not the line's own, so that both directions draw the same."""
    whole: ClassVar[bool] = False
    sends: ClassVar[bool] = False
    fate: ClassVar[Fate] = Fate.DROP

    def treat(self, now: float, flow: Flow, size: int, *, bare: bool = False) -> tuple[float, Fate]:
        return now, self.fate if lot(self.seed, flow) < self.share else Fate.PASS


class Reset(Vanished):
    """A share of the connections is reset."""

    sends: ClassVar[bool] = True
    fate: ClassVar[Fate] = Fate.RESET


_WAYS: Mapping[str, Callable[..., Treatment]] = {
    "delay": Delay,
    "loss": Loss,
    "link": Link,
    "twice": Twice,
    "changed": BitFlip,
    "overtaken": Overtaken,
    "vanished": Vanished,
    "reset": Reset,
}

Order = Mapping[str, Any]
"""A treatment as JSON: its `way` and its fields but `random`; under `in` another one for packets that come in."""


def inward(order: Order) -> Order:
    """The order for packets that reach the target."""
    other: Order = order.get("in", order)
    return other


def treatment(order: Order, seed: int) -> Treatment:
    """The treatment of an order."""
    fields = {name: value for name, value in order.items() if name not in ("way", "in")}
    return _WAYS[order["way"]](Random(seed), **fields)
