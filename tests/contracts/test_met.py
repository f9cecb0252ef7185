"""Every fault says whether the app met it: never by nothing seen, always with a reason, and not by what is ours."""

from collections.abc import Sequence
from typing import Any

import pytest

from chaos.faults.support.base import Fault, Met
from chaos.faults.union import FAULTS
from tests.contracts.test_every_fault import KINDS, every_fault, example, type_of

Samples = Sequence[dict[str, Any]]
PACKETS: Samples = [{"target_packets": 900, "target_treated": 450, "ended": 0}]
NO_PACKETS: Samples = [{"target_packets": 0, "target_treated": 0, "ended": 0}]
SPARED: Samples = [{"target_packets": 900, "target_treated": 0, "ended": 0}]
WENT_ON: Samples = [{"target_packets": 5, "target_treated": 5}]
FORKS: dict[str, Any] = {"left_tasks": 4, "free": 4, "tasks": 3}
LEFT: dict[str, Any] = {"left_fds": 8, "free": 8, "fullest_left": 8, "fullest_free": 8}

MET: dict[str, tuple[Samples, Samples]] = {
    "bandwidth": (WENT_ON, NO_PACKETS),
    "blackhole": (PACKETS, SPARED),
    "clock_skew": ([{"offset_s": 300.0, "asked": 7}], [{"offset_s": 300.0, "asked": 0}]),
    "connection_refused": (PACKETS, NO_PACKETS),
    "connection_reset": ([{"target_packets": 0, "target_treated": 0, "ended": 3}], SPARED),
    "cpu_stress": (
        [{"app_ran_ms": 40.0, "app_waited_ms": 60.0}],
        [{"app_ran_ms": 0.2, "app_waited_ms": 0.1}] * 9,
    ),
    "cpu_throttle": (
        [{"periods": 5, "throttled": 3, "used_s": 0.2}],
        [
            {"periods": 5, "throttled": 5, "used_s": 0.2, "ours": True},
            {"periods": 5, "throttled": 0, "used_s": 0.1},
        ],
    ),
    "crash_loop": ([{"killed_pid": 7}], [{"killed_pid": 7, "why": "it still lived"}]),
    "dependency_failure": ([{"failed": 1, "app_packets": 3}], [{"failed": 1, "app_packets": 0}]),
    "disk_full": ([{"written": 2, "writers": 0, "watched": 1}], [{"written": 0, "writers": 0, "watched": 1}]),
    "dns_failure": ([{"as": "EAI_NONAME", "app_asked": 2}], [{"as": "EAI_NONAME", "app_asked": 0}]),
    "fd_exhaustion": ([LEFT | {"fullest_free": 0}], [LEFT]),
    "http_fault": (
        [{"faulted_requests": 20, "matched": 40}],
        [{"faulted": 1, "faulted_requests": 0, "matched": 0}],
    ),
    "inode_exhaustion": ([{"left_inodes": 10, "free_inodes": 0}], [{"left_inodes": 10, "free_inodes": 10}]),
    "io_stress": (
        [{"written": 0, "read": 3, "writers": 0, "watched": 1}],
        [{"written": 0, "read": 0, "writers": 0, "watched": 1}],
    ),
    "io_throttle": ([{"app_moved": 4096}], [{"app_moved": 0}]),
    "memory_limit": (
        [{"reached": 12, "kills": 0, "used_bytes": 2**26}],
        [{"reached": 0, "kills": 0, "used_bytes": 2**26}],
    ),
    "memory_pressure": (
        [{"phase": "plateau", "app_faults": 3}],
        [{"phase": "ramp", "app_faults": 3}, {"phase": "plateau", "app_faults": 0}],
    ),
    "network_delay": (WENT_ON, NO_PACKETS),
    "packet_corrupt": (PACKETS, SPARED),
    "packet_duplicate": (PACKETS, SPARED),
    "packet_loss": (PACKETS, SPARED),
    "packet_reorder": (PACKETS, SPARED),
    "pid_exhaustion": (
        [FORKS | {"refused": 5, "own_refused": 2}],
        [FORKS | {"refused": 2, "own_refused": 2}],
    ),
    "process_kill": ([{"killed_pid": 7, "seen_ms": 3.0}], [{"killed_pid": 7, "seen_ms": None}]),
    "process_pause": (
        [{"paused_s": 0.5, "turn_s": 1.0, "cpu_ms_while_paused": 0.0}],
        [{"paused_s": 0.0, "turn_s": 1.0, "cpu_ms_while_paused": 9.0}],
    ),
    "process_stop": ([{"killed_pid": 7, "seen_ms": 3.0}], [{"killed_pid": 7, "seen_ms": None}]),
    "sandbox_freeze": ([{"looks": 9}], []),
}
"""Of each fault, samples that show that the app met it, and samples that show that nobody did."""
CANNOT_BE_SEEN = {"disk_read_only", "sandbox_offline"}
"""Nothing in the machine tells of what these refuse."""
FIELDS: dict[str, dict[str, Any]] = {
    "fd_exhaustion": {"leave": 8},
    "inode_exhaustion": {"leave": 10},
    "pid_exhaustion": {"leave": 4},
}


def fault_of(name: str) -> Fault:
    return example(FAULTS[name], **FIELDS.get(name, {}))


def test_each_is_told_of_here() -> None:
    assert set(MET) | CANNOT_BE_SEEN == {type_of(kind) for kind in KINDS}


@every_fault
def test_by_nothing_seen_it_is_not_met(kind: type[Fault]) -> None:
    met = example(kind).met([])
    assert met.count in (None, 0)
    assert met.enough is (met.count is None)
    assert met.why


@pytest.mark.parametrize("name", MET)
def test_what_the_app_met_is_counted(name: str) -> None:
    met = fault_of(name).met(MET[name][0])
    assert met.count is not None
    assert met.count > 0
    assert met.enough, met.why
    assert f"{met.count:,}" in met.why


@pytest.mark.parametrize("name", MET)
def test_what_nobody_met_is_said(name: str) -> None:
    met = fault_of(name).met(MET[name][1])
    assert (met.count, met.enough) == (0, False), met.why


@pytest.mark.parametrize("name", sorted(CANNOT_BE_SEEN))
def test_what_cannot_be_seen_is_said_and_forbids_nothing(name: str) -> None:
    met = fault_of(name).met([{"tried": {"/": "EROFS"}, "spared": [], "reached": False}])
    assert met.count is None
    assert met.enough
    assert met.why.startswith("not measurable: ")


@pytest.mark.parametrize("name", ["fd_exhaustion", "inode_exhaustion", "pid_exhaustion"])
def test_with_none_left_from_the_beginning_nothing_tells_of_a_refusal(name: str) -> None:
    looks = [FORKS | LEFT | {"free_inodes": 0, "left_inodes": 0}]
    assert example(FAULTS[name], leave=0).met(looks).why.startswith("not measurable: ")


def test_what_was_taken_in_part_may_have_been_used_up_between_two_looks() -> None:
    met = fault_of("fd_exhaustion").met([LEFT, LEFT | {"fullest_free": 3}])
    assert met.count is None
    assert met.enough


def test_an_open_file_may_hide_a_refused_write() -> None:
    met = fault_of("disk_full").met([{"written": 0, "writers": 1, "watched": 1}])
    assert met == Met.unmeasured(
        "the app has files open for writing in /tmp, and a refused write leaves no trace"
    )


def test_a_small_share_needs_traffic_to_be_met() -> None:
    loss = example(FAULTS["packet_loss"], loss="1%")
    assert not loss.met([{"target_packets": 24, "target_treated": 0}]).enough
    few = loss.met([{"target_packets": 24, "target_treated": 1}])
    assert (few.count, few.of, few.enough) == (1, 24, False)
    assert loss.met([{"target_packets": 2400, "target_treated": 24}]).enough
