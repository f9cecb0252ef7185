"""Whether a fault was there for its whole hold: how often one that was lost for a part of it lands all the same."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from bench.promises import Row, Table, limit
from chaos.faults.blackhole import Blackhole
from chaos.faults.cpu_stress import CpuStress
from chaos.faults.http_fault import HttpFault
from chaos.faults.memory_pressure import MemoryPressure
from chaos.faults.network_delay import NetworkDelay
from chaos.faults.packet_loss import PacketLoss
from chaos.faults.support.base import Fault

LOST = (0.0, 0.1, 0.25, 0.5)
"""Of the hold, at its end."""
SURELY = 0.25
"""When so much of its hold is gone, a fault with enough samples must not land."""
CALLED_OFF = 0.01
"""Of those that were as asked, so many may be called off."""
Sampled = Callable[[Random, float], Mapping[str, Any]]
"""One sample, and whether the fault is there (1) or not (0)."""


class Held(NamedTuple):
    """One kind of fault and how its side-band would see it."""

    name: str
    fault: Fault
    count: int
    sample: Sampled
    tells: bool = True
    """Whether so few samples can tell that a quarter of the hold is gone."""


def _late(random: Random, there: float) -> Mapping[str, Any]:
    """A round trip, of a machine that is busy in one of a hundred."""
    noise = abs(random.gauss(0.2, 0.1)) + (random.random() < 0.01) * random.uniform(5, 50)
    return {"delay_ms": 300 * there + noise, "target_packets": 50}


def _spread(random: Random, there: float) -> Mapping[str, Any]:
    return {"delay_ms": there * random.uniform(250, 350) + 0.2, "target_packets": 50}


def _burning(random: Random, there: float) -> Mapping[str, Any]:
    return {"cpu_percent": 50 * there + random.gauss(0, 1), "waited_percent": 0.0, "cores": 1}


def _full(random: Random, there: float) -> Mapping[str, Any]:
    return {"phase": "plateau", "fill_percent": 20 + 60 * there + random.gauss(0, 0.2)}


def _denied(share: float) -> Sampled:
    def sample(random: Random, there: float) -> Mapping[str, Any]:
        failed = there and random.random() < share
        return {
            "failed": int(failed),
            "as": "timeout",
            "target_packets": 400,
            "target_treated": 99,
            "ended": 0,
        }

    return sample


def _tampered(share: float) -> Sampled:
    def sample(random: Random, there: float) -> Mapping[str, Any]:
        hit = bool(there and random.random() < share)
        return {
            "faulted": hit,
            "faulted_requests": 99,
            "matched": 400,
            "saw": "503" if hit else "200",
            "later_ms": 0.0,
        }

    return sample


def _lossy(share: float) -> Sampled:
    """Packets of 200 ms; the totals are summed up."""
    return lambda random, there: {
        "sent": 200,
        "lost": sum(random.random() < share * there for _ in range(200)),
    }


HELD: Sequence[Held] = (
    Held("a delay of 300 ms, 4 s", NetworkDelay(delay=0.3, process="web"), 40, _late),
    Held("with 50 ms jitter, 8 s", NetworkDelay(delay=0.3, jitter=0.05, process="web"), 80, _spread),
    Held("half of a core, 10 s", CpuStress(load=0.5), 20, _burning),
    Held("memory at 80 %, 4 s", MemoryPressure(fill=0.8), 40, _full),
    Held("1 % of packets lost, 2 s", PacketLoss(loss=0.01), 10, _lossy(0.01), tells=False),
    Held("1 % of packets lost, 8 s", PacketLoss(loss=0.01), 40, _lossy(0.01)),
    Held("5 % of packets lost, 2 s", PacketLoss(loss=0.05), 10, _lossy(0.05)),
    Held("10 % of attempts denied, 120 tried", Blackhole(share=0.1, process="web"), 120, _denied(0.1), False),
    Held("half of attempts denied, 60 tried", Blackhole(share=0.5, process="web"), 60, _denied(0.5)),
    Held(
        "10 % of requests answered by 503, 400 tried",
        HttpFault(share=0.1, process="web"),
        400,
        _tampered(0.1),
    ),
)


def samples_of(held: Held, random: Random, lost: float) -> list[Mapping[str, Any]]:
    """What is seen of it, when it is gone for that part at the end of its hold."""
    there = round(held.count * (1 - lost))
    seen = [held.sample(random, float(number < there)) for number in range(held.count)]
    if "sent" not in seen[0]:
        return seen
    totals, found = {"sent": 0, "lost": 0}, []
    for each in seen:
        totals = {name: total + each[name] for name, total in totals.items()}
        found.append(totals | {"target_packets": 400, "target_treated": round(400 * held.fault.loss)})  # type: ignore[attr-defined]
    return found


def over_the_hold(rounds: int) -> Table:
    """How often it lands, by how much of its hold it was gone."""
    rows = []
    for held in HELD:
        random, cells, wrong = Random(held.name), [held.name], {}
        for lost in LOST:
            landed = sum(held.fault.delivered(samples_of(held, random, lost)).landed for _ in range(rounds))
            cells.append(f"{100 * landed / rounds:.1f} %")
            if not lost:
                wrong["called off"] = (1 - landed / rounds, limit(rounds, CALLED_OFF))
            if lost >= SURELY and held.tells:
                wrong[f"landed without {lost:.0%}"] = (landed / rounds, limit(rounds))
        rows.append(Row(cells, wrong))
    head = ("asked", "as asked", *(f"gone for the last {100 * lost:g} %" for lost in LOST[1:]))
    return Table("Over the whole hold: how often it lands", head, rows)
