"""Who the app's processes are: parents, birth, state and CPU time, as /proc and the CPU clocks tell (proc(5))."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_GONE = ("Z", "X")
_STOPPED = ("T", "t")


@dataclass(frozen=True, slots=True)
class LiveProcess:
    """A live process. Pid and birth together are its identity: numbers are used again."""

    pid: int
    parent: int
    born: int
    """Clock ticks since boot."""


def look(pid: int) -> LiveProcess | None:
    """That process now; None when it has gone, is a zombie, or was never there."""
    fields = _stat(f"/proc/{pid}/stat")
    if fields is None or fields[0] in _GONE:
        return None
    return LiveProcess(pid, int(fields[1]), int(fields[19]))


def family(roots: Iterable[int]) -> list[LiveProcess]:
    """The live ones of `roots`, then their descendants."""
    names = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    everyone = {pid: process for pid in names if (process := look(pid)) is not None}
    found = {pid: everyone[pid] for pid in roots if pid in everyone}
    queue = list(found)
    for pid in queue:  # grows while it is walked: breadth first
        children = [p for p in everyone.values() if p.parent == pid and p.pid not in found]
        found |= {child.pid: child for child in children}
        queue += [child.pid for child in children]
    return list(found.values())


def alive(pid: int, born: int) -> bool:
    """Whether that very process still lives."""
    process = look(pid)
    return process is not None and process.born == born


def age_s(process: LiveProcess) -> float:
    """How long ago it was born, to one clock tick (10 ms)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - process.born * _TICK_S


def ticks() -> int:
    """Now, as births are told: clock ticks since boot."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) / _TICK_S)


def stopped(pid: int) -> bool:
    """Whether none of its threads can run: all are stopped, or have gone."""
    return all(state in _STOPPED for state in _states(pid))


def halted(pid: int) -> bool:
    """Whether any of its threads is stopped."""
    return any(state in _STOPPED for state in _states(pid))


def cpu_s(pids: Iterable[int]) -> float:
    """CPU time of those processes, to the nanosecond: their CPU clocks, numbered as in <linux/posix-timers.h>."""
    total = 0.0
    for pid in pids:
        try:
            total += time.clock_gettime((~pid << 3) | 2)
        except OSError:
            continue  # it has gone
    return total


class CpuAccount:
    """CPU time drawn from one question to the next. Of a process that is new, all that it ever had."""

    def __init__(self) -> None:
        self._last: dict[int, float] = {}

    def drawn_s(self, pids: Iterable[int]) -> float:
        """What those used since the last question."""
        now = {pid: cpu_s([pid]) for pid in pids}
        drawn_s = sum(max(0.0, used_s - self._last.get(pid, 0.0)) for pid, used_s in now.items())
        self._last = now
        return drawn_s


def _states(pid: int) -> list[str]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    found = [_stat(f"{thread}/stat") for thread in threads]
    return [fields[0] for fields in found if fields is not None and fields[0] not in _GONE]


def _stat(path: str) -> list[str] | None:
    """The fields after the name, which may itself hold blanks and brackets."""
    try:
        return Path(path).read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
