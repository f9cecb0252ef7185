"""CPU time that the machine gave to others while the app was ready to run.

waited   the app's threads stood in a run queue: /proc/PID/task/TID/schedstat, second field (sched-stats.rst); where
         the kernel has none, the `some` line of /proc/pressure/cpu (psi.rst)
others   what ran meanwhile and is none of ours: /proc/stat (proc(5)) less our own CPU clocks and the app's control
         group, over the last second, and what a hypervisor took (`steal`)
taken    the smaller of the two, of others what they had of each core (a request waits in one queue at a time, whatever
         waits beside it), as far as no core stood idle: what waits beside an idle core waits for something else. A
         quota keeps threads in the queue as well: the share of the time that it did is left out.

So what a fault takes by itself, with burners of ours or by a quota, is not counted.
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from chaos.agent import procfs
from chaos.agent.budget import Budget
from chaos.agent.procfs import Kin

_SMOOTHED_OVER_S = 1.0
"""The kernel's account of the machine ticks every 10 ms."""
_CORES = len(os.sched_getaffinity(0))
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PRESSURE = Path("/proc/pressure/cpu")


class Machine(NamedTuple):
    """Seconds since boot, over all cores."""

    busy_s: float
    idle_s: float
    stolen_s: float


class Moment(NamedTuple):
    """One look: when, the machine then, and what we and the app have used."""

    at: float
    machine: Machine
    own_s: float


class Starvation:
    """What others took of the machine, from one look to the next."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._delays: dict[str, int] = {}
        self._clocks: dict[int, float] = {}
        self._own_s = 0.0
        self._throttled_s = budget.throttled_s()
        self._pressed_us = _pressed_us()
        self._moments: deque[Moment] = deque()

    def look(self, app: Iterable[int], everyone: Mapping[int, Kin]) -> dict[str, float]:
        """Milliseconds since the last look: `waited_ms` and `taken_ms`; both 0 at the first."""
        pids = set(app)
        now = Moment(time.monotonic(), _machine(), self._own(pids, everyone))
        waited_s = self._waited_s(pids)
        if not self._moments:
            self._moments.append(now)
            return {"waited_ms": 0.0, "taken_ms": 0.0}
        passed_s = max(now.at - self._moments[-1].at, 1e-6)
        self._moments.append(now)
        while len(self._moments) > 2 and now.at - self._moments[1].at >= _SMOOTHED_OVER_S:
            self._moments.popleft()
        waited_s *= 1 - self._throttled_share(passed_s)
        taken_s = min(waited_s, others_share(self._moments[0], now) / _CORES * passed_s)
        return {"waited_ms": round(waited_s * 1000, 3), "taken_ms": round(taken_s * 1000, 3)}

    def _waited_s(self, pids: set[int]) -> float:
        before, self._delays = self._delays, procfs.queued_ns(pids)
        if self._delays or not pids:  # who has ended waits for nothing
            # A thread that is new has waited for all that it has since it began, which was since the last look.
            return sum(max(0, delay - before.get(task, 0)) for task, delay in self._delays.items()) / 1e9
        pressed_us, self._pressed_us = self._pressed_us, _pressed_us()
        return max(0, self._pressed_us - pressed_us) / 1e6

    def _own(self, app: set[int], everyone: Mapping[int, Kin]) -> float:
        """CPU time of ours and the app's since we began to look."""
        group_s = self._budget.cpu_seconds()
        family = procfs.tree(os.getpid(), {pid: kin.parent for pid, kin in everyone.items()})
        clocks = {pid: _clock_s(pid) for pid in family if group_s is None or pid not in app}
        self._own_s += sum(max(0.0, used_s - self._clocks.get(pid, 0.0)) for pid, used_s in clocks.items())
        self._clocks = clocks
        return self._own_s + (group_s or 0.0)

    def _throttled_share(self, passed_s: float) -> float:
        before, self._throttled_s = self._throttled_s, self._budget.throttled_s()
        return min(1.0, max(0.0, self._throttled_s - before) / passed_s)


def others_share(first: Moment, last: Moment) -> float:
    """CPU seconds a second that others had and we may have wanted; none when a whole core stood idle. Pure."""
    passed_s = max(last.at - first.at, 1e-6)
    busy_s = last.machine.busy_s - first.machine.busy_s
    stolen_s = last.machine.stolen_s - first.machine.stolen_s
    idle_cores = max(0.0, last.machine.idle_s - first.machine.idle_s) / passed_s
    others_s = max(0.0, busy_s - (last.own_s - first.own_s)) + max(0.0, stolen_s)
    return others_s / passed_s * max(0.0, 1 - idle_cores)


def _pressed_us() -> int:
    """Microseconds since boot that some process waited for a core; 0 where the kernel does not say."""
    with suppress(OSError):
        for line in _PRESSURE.read_text().splitlines():
            if line.startswith("some "):
                return int(line.rpartition("total=")[2])
    return 0


def _machine() -> Machine:
    fields = [int(field) * _TICK_S for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, idle, waiting, hard, soft, stolen = fields
    return Machine(user + nice + system + hard + soft, idle + waiting, stolen)


def _clock_s(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | 2)  # its CPU clock, numbered as in <linux/posix-timers.h>
    except OSError:
        return 0.0
