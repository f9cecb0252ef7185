"""Processes: what /proc tells and lets change of those that are not the app's own."""

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

from . import calls
from .core import ANYBODY, USER, Refused, attempt
from .places import command_line, first, guessed, opened, strangers


@attempt("processes", open_to=ANYBODY)
def sees_a_stranger() -> str:
    """The agent, its helpers, the provider's programs: not in the app's /proc."""
    return f"{[(pid, command_line(pid)[:60]) for pid in strangers()[:6]]}"


@attempt("processes")
def finds_a_hidden_process() -> str:
    """A /proc that only does not list them still has them."""
    found = [pid for pid in guessed() if _there(pid)]
    if not found:
        raise Refused("no number that is not listed leads to a process")
    return f"{found[:10]}"


def _there(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return f"\nTgid:\t{pid}\n" in status and b"attempts" not in command_line(pid)


@attempt("processes")
def has_a_parent_that_is_the_agent() -> str:
    """Its parent is its own reaper, or nobody that it could name."""
    parent = os.getppid()
    for _ in range(20):
        if parent in (0, 1):
            raise Refused(f"the chain of its parents ends at {parent}")
        line = command_line(parent)
        if b"attempts" not in line:
            return f"process {parent}: {line!r}"
        parent = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
    raise Refused("its parents are its own")


@attempt("processes", open_to=ANYBODY)
def reads_the_environment_of_a_stranger() -> str:
    """Keys are often there."""
    return first(_opened(strangers(), "environ", os.O_RDONLY), "none of them")


@attempt("processes", open_to=USER)
def looks_through_the_root_of_pid_1() -> str:
    """/proc/1/root: another tree, or the agent's folder in it."""
    return _other_root([1])


@attempt("processes", open_to=ANYBODY)
def looks_through_the_root_of_a_stranger() -> str:
    """/proc/PID/root and cwd."""
    return _other_root(strangers())


def _other_root(pids: list[int]) -> str:
    for pid in pids:
        for way in ("root", "cwd"):
            with contextlib.suppress(OSError):
                return f"/proc/{pid}/{way}: {os.listdir(f'/proc/{pid}/{way}')}"
    raise Refused("none of them can be followed")


@attempt("processes", open_to=USER)
def reads_what_pid_1_is() -> str:
    """exe, maps, auxv, stack: where its code is, how addresses were drawn."""
    return first(
        _read_of_1("maps", "auxv", "exe", "smaps", "syscall", "personality", "stack"), "none of them"
    )


def _read_of_1(*names: str) -> Iterator[str]:
    """Opening is not enough: the right to trace is asked for when some of them are read."""
    for name in names:
        with contextlib.suppress(OSError), open(f"/proc/1/{name}", "rb") as file:
            yield f"/proc/1/{name}: {file.read(60)!r}"


def _opened(pids: list[int], name: str, flags: int) -> Iterator[str]:
    for pid in pids:
        with contextlib.suppress(OSError):
            yield opened(f"/proc/{pid}/{name}", flags)


@attempt("processes", open_to=USER)
def lists_the_descriptors_of_pid_1() -> str:
    """/proc/1/fd."""
    return f"{[os.readlink(f'/proc/1/fd/{name}') for name in os.listdir('/proc/1/fd')]}"


@attempt("processes", open_to=ANYBODY)
def writes_into_a_descriptor_of_a_stranger() -> str:
    """/proc/PID/fd/N opens the file anew: the journal, a helper's channel."""
    return first(_descriptors(strangers()), "none of them")


def _descriptors(pids: list[int]) -> Iterator[str]:
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(f"/proc/{pid}/fd/{name}")
                    if not target.startswith("/dev/"):
                        yield f"{target}: " + opened(f"/proc/{pid}/fd/{name}", os.O_WRONLY | os.O_APPEND)


@attempt("processes", open_to=USER)
def has_pid_1_killed_first() -> str:
    """oom_score_adj of PID 1: chosen when memory is out."""
    place = Path("/proc/1/oom_score_adj")
    held = place.read_text()
    place.write_text(held)
    return f"{place} written: {held.strip()}"


@attempt("processes", open_to=ANYBODY)
def has_a_stranger_killed_first() -> str:
    """oom_score_adj of the agent."""
    names = (f"/proc/{pid}/oom_score_adj" for pid in strangers())
    return first(_rewritten(names), "none of them")


def _rewritten(names: Iterator[str]) -> Iterator[str]:
    for name in names:
        with contextlib.suppress(OSError):
            Path(name).write_text(Path(name).read_text())
            yield f"{name} written"


@attempt("processes", open_to=ANYBODY)
def lowers_a_limit_of_a_stranger() -> str:
    """prlimit(2): no descriptors for the agent."""
    return first(_limited(strangers()), "none of them")


@attempt("processes", open_to=ANYBODY)
def lowers_a_limit_of_pid_1() -> str:
    """prlimit(2) asks for the same ids, not for the right to trace."""
    return first(_limited([1]), "none of its limits")


def _limited(pids: list[int]) -> Iterator[str]:
    for pid in pids:
        with contextlib.suppress(OSError):
            held = resource.prlimit(pid, resource.RLIMIT_CORE)
            resource.prlimit(pid, resource.RLIMIT_CORE, held)
            yield f"limits of process {pid} could be set"


@attempt("processes", open_to=ANYBODY)
def slows_a_stranger() -> str:
    """Nice 19, another processor, idle class: a baseline that nobody can trust."""
    return first(_slowed(strangers()), "none of them")


@attempt("processes", open_to=ANYBODY)
def slows_pid_1() -> str:
    """The same for the reaper."""
    return first(_slowed([1]), "its priority and its processors stay")


def _slowed(pids: list[int]) -> Iterator[str]:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid))
            yield f"priority of process {pid} could be set"
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, os.sched_getaffinity(pid))
            yield f"processors of process {pid} could be set"


@attempt("processes")
def is_dumped_where_others_read() -> str:
    """A crash may not run a program of the host's, nor leave a core where the agent writes."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    with contextlib.suppress(OSError):
        Path("/proc/sys/kernel/core_pattern").write_text(pattern)
        return f"core_pattern written: {pattern}"
    raise Refused("core_pattern stays")


@attempt("processes", open_to=USER)
def moves_pages_of_pid_1() -> str:
    """move_pages(2), migrate_pages(2): need the right to trace."""
    return f"{calls.call('move_pages', 1, 0, 0, 0, 0, 0)}"
