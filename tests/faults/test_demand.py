"""Growth of the counters of processes that come and go."""

import os
import time
from collections.abc import Hashable, Mapping

from chaos.faults.process.demand import CpuDemand, Growth, moved_bytes, page_faults, working


def test_only_what_grew_since_the_last_look_counts() -> None:
    counters: dict[int, int] = {1: 100, 2: 50}

    def read(pid: int) -> Mapping[Hashable, int]:
        return {"all": counters[pid]}

    growth = Growth(lambda: list(counters), read)
    assert growth.look() == 0
    counters[1] += 7
    counters[3] = 5  # began meanwhile
    del counters[2]
    assert growth.look() == 12
    counters[1] = 0  # another process of that number
    assert growth.look() == 0


def test_work_for_a_core_is_told_from_sleep() -> None:
    running = CpuDemand(lambda: [os.getpid()])
    time.sleep(0.05)
    idle = running.look()
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass
    busy = running.look()
    assert busy["app_ran_ms"] >= 45 > idle["app_ran_ms"]
    assert working([busy], "beside").count == 1


def test_memory_that_is_asked_for_shows_as_page_faults() -> None:
    faults = Growth(lambda: [os.getpid()], page_faults)
    faults.look()
    block = bytearray(os.urandom(1)) * (16 * 2**20)
    assert faults.look() >= 100
    assert block


def test_who_has_gone_has_no_counters() -> None:
    assert page_faults(2**22 + 1) == {}
    assert moved_bytes(2**22 + 1) == {}
    assert CpuDemand(lambda: [2**22 + 1]).look() == {"app_ran_ms": 0.0, "app_waited_ms": 0.0}
