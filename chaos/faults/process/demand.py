"""What the app asks of the machine meanwhile: counters of its processes, which come and go, by how much they grew."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path

from chaos.faults.support.base import Met, Sample

_PROC = Path("/proc")
_RUNS_MS = 1.0
"""Less in a tenth of a second is housekeeping: a timer that wakes a thread and lets it sleep again."""

Read = Callable[[int], Mapping[Hashable, int]]
"""The counters of one process by what they are of; empty when it has gone or the kernel does not say."""


class Growth:
    """By how much counters of all those processes grew, look by look. Who is new has begun at nothing."""

    def __init__(self, pids: Callable[[], Iterable[int]], read: Read) -> None:
        self._pids, self._read = pids, read
        self._seen = self._now()

    def look(self) -> int:
        """Since the last look; what ended between two looks is lost."""
        now = self._now()
        grown = sum(max(0, count - self._seen.get(key, 0)) for key, count in now.items())
        self._seen = now
        return grown

    def _now(self) -> dict[Hashable, int]:
        return {(pid, key): count for pid in self._pids() for key, count in self._read(pid).items()}


class CpuDemand:
    """For how long the app ran, and waited for a core that others had, since the last look."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._ran, self._waited = Growth(pids, ran_ns), Growth(pids, waited_ns)

    def look(self) -> dict[str, float]:
        """Milliseconds of all its threads together."""
        return {
            "app_ran_ms": round(self._ran.look() / 1e6, 3),
            "app_waited_ms": round(self._waited.look() / 1e6, 3),
        }


def working(samples: Sequence[Sample], where: str) -> Met:
    """Looks at which the app had work for a core."""
    looks = [sample for sample in samples if "app_ran_ms" in sample]
    if looks and not any(float(look["app_ran_ms"]) + float(look["app_waited_ms"]) for look in looks):
        return Met.unmeasured("the kernel does not say here for how long a thread ran (CONFIG_SCHED_INFO)")
    waited_ms = sum(float(look["app_waited_ms"]) for look in looks)
    return Met.counted(
        sum(float(look["app_ran_ms"]) + float(look["app_waited_ms"]) >= _RUNS_MS for look in looks),
        len(looks),
        f"looks at which the app had work {where}; it waited {waited_ms:,.0f} ms for a core in all",
        "the app had no work for a core meanwhile",
    )


def ran_ns(pid: int) -> Mapping[Hashable, int]:
    """By thread, /proc/<pid>/task/<tid>/schedstat: time on a core."""
    return _of_threads(pid, 0)


def waited_ns(pid: int) -> Mapping[Hashable, int]:
    """By thread: time ready to run, on no core."""
    return _of_threads(pid, 1)


def _of_threads(pid: int, field: int) -> Mapping[Hashable, int]:
    found: dict[Hashable, int] = {}
    try:
        for task in (_PROC / str(pid) / "task").iterdir():
            found[task.name] = int((task / "schedstat").read_text().split()[field])
    except OSError:  # it has ended, or the kernel does not say
        return found
    return found


def page_faults(pid: int) -> Mapping[Hashable, int]:
    """Pages that were not there when they were used, /proc/<pid>/stat: memory that was asked for, or fetched anew."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text(errors="surrogateescape").rpartition(")")[2].split()
    except OSError:
        return {}
    return {"minor": int(fields[7]), "major": int(fields[9])}


def moved_bytes(pid: int) -> Mapping[Hashable, int]:
    """Bytes that it had read from, or sent to, a disk (/proc/<pid>/io)."""
    try:
        lines = (_PROC / str(pid) / "io").read_text().splitlines()
    except OSError:
        return {}
    counted = dict(line.split(": ") for line in lines)
    return {name: int(counted[name]) for name in ("read_bytes", "write_bytes")}
