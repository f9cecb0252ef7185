"""Read what /proc says of processes: parents, CPU time, memory. Formats: proc(5)."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 8192)
    finally:
        os.close(descriptor)


class Kin(NamedTuple):
    """Whom a process comes from."""

    parent: int
    session: int


def everyone() -> dict[int, Kin]:
    """pid -> kin, of every live process (zombies left out)."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            fields = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()
        except OSError:
            continue  # it ended between the listing and the look
        if fields[0] not in (b"Z", b"X"):
            found[int(name)] = Kin(int(fields[1]), int(fields[3]))
    return found


def parents() -> dict[int, int]:
    """pid -> parent pid, of every live process (zombies left out)."""
    return {pid: kin.parent for pid, kin in everyone().items()}


def tree(root: int, parent_of: Mapping[int, int]) -> list[int]:
    """`root` and its live descendants, parents first; empty when `root` has gone."""
    return forest([root], parent_of)


def forest(roots: Iterable[int], parent_of: Mapping[int, int]) -> list[int]:
    """The live ones of `roots` and their live descendants, each once, parents first."""
    children: dict[int, list[int]] = {}
    for pid, parent in parent_of.items():
        children.setdefault(parent, []).append(pid)
    family = dict.fromkeys(root for root in roots if root in parent_of)
    queue = list(family)
    for pid in queue:  # grows while it is walked: breadth first
        new = [child for child in children.get(pid, ()) if child not in family]
        family |= dict.fromkeys(new)
        queue += new
    return list(family)


def called(pid: int) -> str:
    """The name of its program, as the kernel has it; `a process` when it has gone."""
    try:
        return _read(f"/proc/{pid}/comm").decode(errors="replace").strip()
    except OSError:
        return "a process"


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of those processes and of the children they have waited for."""
    total = 0
    for fields in _stats(pids):
        total += sum(int(value) for value in fields[11:15])
    return total * _TICK_S


def resident_bytes(pids: Iterable[int]) -> int:
    """Their resident memory; pages they share count more than once."""
    return sum(int(fields[21]) for fields in _stats(pids)) * _PAGE


def proportional_bytes(pids: Iterable[int]) -> int:
    """Their memory with shared pages split among the sharers (PSS), so that a sum is right."""
    total = 0
    for pid in pids:
        try:
            rollup = _read(f"/proc/{pid}/smaps_rollup")
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith(b"Pss:")), 0)
    return total * 1024


def queued_ns(pids: Iterable[int]) -> dict[str, int]:
    """PID/TID -> nanoseconds that this thread has stood in a run queue; none where the kernel does not say."""
    found = {}
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                path = f"{pid}/task/{task}"
                found[path] = int(_read(f"/proc/{path}/schedstat").split()[1])
        except (OSError, IndexError):
            continue  # it has ended, or there is no such file
    return found


def _stats(pids: Iterable[int]) -> Iterator[list[bytes]]:
    for pid in pids:
        try:
            yield _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        except OSError:
            continue
