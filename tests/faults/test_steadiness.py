"""A fault that was gone for a part of its hold has not landed, whatever its median says."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from bench.landing import HELD, Held, samples_of
from chaos.faults.cpu_stress import CpuStress
from chaos.faults.crash_loop import CrashLoop
from chaos.faults.disk_full import DiskFull
from chaos.faults.fd_exhaustion import FdExhaustion
from chaos.faults.http_fault import HttpFault
from chaos.faults.inode_exhaustion import InodeExhaustion
from chaos.faults.io_stress import IoStress
from chaos.faults.io_throttle import IoThrottle
from chaos.faults.memory_pressure import MemoryPressure
from chaos.faults.network_delay import NetworkDelay
from chaos.faults.process_pause import ProcessPause
from chaos.faults.support.base import Fault
from chaos.faults.support.fidelity import enough_for, share_fits, traffic_needed
from chaos.faults.support.steadiness import lost_share, unsteady

MIB = 2**20


def trips(delays: Sequence[float]) -> list[dict[str, Any]]:
    return [{"delay_ms": delay, "target_packets": 50} for delay in delays]


def levels(fills: Sequence[float]) -> list[dict[str, Any]]:
    return [{"phase": "plateau", "fill_percent": fill} for fill in fills]


def burners(cpus: Sequence[float]) -> list[dict[str, Any]]:
    return [{"cpu_percent": cpu, "waited_percent": 0.0, "cores": 1} for cpu in cpus]


def lives(lasted_s: Sequence[float]) -> list[dict[str, Any]]:
    return [{"killed_pid": 10, "restarted": True, "lived_s": each} for each in lasted_s]


def requests(later_ms: Sequence[float]) -> list[dict[str, Any]]:
    met = {"faulted": True, "faulted_requests": 99, "matched": 99, "saw": "200"}
    return [{**met, "later_ms": each} for each in later_ms]


LOST: list[tuple[Fault, list[dict[str, Any]]]] = [
    (NetworkDelay(delay=0.3, process="web"), trips([300.2] * 21 + [0.1] * 19)),
    (NetworkDelay(delay=0.3, process="web"), trips([300.2] * 36 + [0.1] * 4)),
    (MemoryPressure(fill=0.8), levels([80.0] * 16 + [20.0] * 14)),
    (CpuStress(load=0.5), burners([100.0] * 10 + [0.0] * 10)),
    (IoThrottle(read=4 * MIB), [{"read": rate * MIB} for rate in (4, 4, 4, 60, 60)]),
    (
        IoStress(path="/tmp", rate=4 * MIB),
        [{"bytes_per_s": r * MIB, "fsync_ms": 1.0} for r in [8] * 5 + [0] * 5],
    ),
    (DiskFull(leave=0), [{"free_bytes": left, "left_bytes": left} for left in [0] * 11 + [50 * MIB] * 9]),
    (FdExhaustion(), [{"left_fds": left, "met": 0} for left in [FdExhaustion().leave] * 11 + [1015] * 9]),
    (
        InodeExhaustion(leave=0),
        [{"left_inodes": left, "answer": None, "free_bytes": 9} for left in [0] * 11 + [900] * 9],
    ),
    (
        ProcessPause(process="web", share=0.5),
        [{"turn_s": 1.0, "paused_s": p, "cpu_ms_while_paused": 0.0} for p in [1.0] * 5 + [0.0] * 5],
    ),
    (CrashLoop(process="web", alive=1.0), lives([1.02] * 11 + [6.0] * 9)),
    (HttpFault(process="web", mode="delay", delay=0.3), requests([300.5] * 22 + [0.5] * 18)),
]


@pytest.mark.parametrize(("fault", "samples"), LOST, ids=lambda each: getattr(each, "type", None))
def test_lost_half_way_has_not_landed(fault: Fault, samples: list[dict[str, Any]]) -> None:
    delivered = fault.delivered(samples)
    assert not delivered.landed
    assert "roughly as asked" in delivered.why


def test_one_outlier_of_a_busy_machine_is_none() -> None:
    assert NetworkDelay(delay=0.3, process="web").delivered(trips([300.2] * 20 + [0.1] + [300.1] * 19)).landed


def test_a_third_that_is_off_by_less_than_roughly_is_told() -> None:
    delivered = NetworkDelay(delay=0.3, process="web").delivered(trips([300.0] * 28 + [240.0] * 12))
    assert not delivered.landed
    assert "not in the last third" in delivered.why


def shares(lost: float) -> list[Held]:
    """The faults that strike a share, with samples enough to tell that so much of the hold is gone."""
    return [held for held in HELD if held.fault.type in SHARES and (held.tells or not lost)]


SHARES = ("packet_loss", "blackhole", "http_fault")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("held", shares(0.25), ids=lambda each: each.name)
def test_a_share_that_was_lost_has_not_landed(held: Held, seed: int) -> None:
    delivered = held.fault.delivered(samples_of(held, Random(seed), 0.25))
    assert not delivered.landed, delivered.why
    assert "but not one of the last" in delivered.why or "third of the hold" in delivered.why


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("held", shares(0), ids=lambda each: each.name)
def test_a_share_as_asked_has_landed(held: Held, seed: int) -> None:
    assert held.fault.delivered(samples_of(held, Random(seed), 0.0)).landed


def test_a_share_that_comes_in_bursts_may_be_quiet_for_longer() -> None:
    blocks = [(1, 1)] * 10 + [(1, 0)] * 160
    assert "not one of the last 160" in lost_share(blocks, 0.05)
    assert "not one" not in lost_share(blocks, 0.05, clumping=10)


@pytest.mark.parametrize(("kind", "enough"), [("uniform", 20), ("normal", 40), ("pareto", 60)])
def test_a_jitter_takes_more_round_trips_to_tell(kind: Any, enough: int) -> None:
    fault = NetworkDelay(delay=0.3, jitter=0.05, distribution=kind, process="web")
    assert f"{enough} are needed" in fault.delivered(trips([300.0] * (enough - 1))).why


def test_memory_needs_more_than_one_look_at_the_full_level() -> None:
    assert not MemoryPressure(fill=0.8).delivered(levels([80.0] * 2)).landed
    assert MemoryPressure(fill=0.8).delivered(levels([80.0] * 3)).landed


def test_fewer_than_ten_must_all_be_as_asked() -> None:
    assert unsteady([1, 1, 1, 0], bool)
    assert not unsteady([1] * 4, bool)
    assert not unsteady([1] * 9 + [0] + [1] * 9, bool)
    assert unsteady([1] * 17 + [0] * 2, bool)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.5])
def test_nothing_at_all_never_goes_with_a_share(share: float) -> None:
    assert not share_fits(0, enough_for(share), share)
    assert share_fits(round(share * enough_for(share)), enough_for(share), share)
    assert (1 - share) ** traffic_needed(share) <= 0.05 < (1 - share) ** (traffic_needed(share) - 1)
