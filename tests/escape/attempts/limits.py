"""Limits: more memory, more processes, more priority than it was given; the journal's own disk."""

import contextlib
import os
import resource
import signal
import threading
import time
from pathlib import Path

from . import calls
from .core import ANYBODY, Refused, attempt
from .places import canary

MIB = 2**20
_MOST_TASKS = 6000
"""More is no limit at all; each is a thread with a small stack."""


@attempt("limits")
def takes_more_memory_than_its_limit() -> str:
    """Half as much again, touched, and held for a second; ended by the kernel, or by the agent where that says so."""
    limit = int(canary()["memory_bytes"])
    held = bytearray(0)
    for _ in range(limit * 3 // 2 // (16 * MIB)):
        held += b"x" * (16 * MIB)
    time.sleep(1)
    return f"{len(held) // MIB} MiB held for a second; the limit is {limit // MIB} MiB"


@attempt("limits")
def hides_memory_in_a_tmpfs() -> str:
    """/dev/shm: memory that is no process's."""
    limit = int(canary()["memory_bytes"])
    place = Path("/dev/shm/escape")
    try:
        with place.open("wb") as file:
            for _ in range(limit * 3 // 2 // (8 * MIB)):
                file.write(b"x" * (8 * MIB))
        return f"{place.stat().st_size // MIB} MiB in {place}"
    finally:
        place.unlink(missing_ok=True)


@attempt("limits")
def makes_tasks_without_end() -> str:
    """A fork bomb of threads that wait, as far as a number that is no limit any more."""
    threading.stack_size(32768)
    ending = threading.Event()
    made = 0
    try:
        while made < _MOST_TASKS:
            threading.Thread(target=ending.wait, daemon=True).start()
            made += 1
    except RuntimeError as error:
        raise Refused(f"{made} tasks: {error}") from error
    finally:
        ending.set()
    return f"{made} tasks at once"


@attempt("limits")
def raises_its_hard_limits() -> str:
    """setrlimit(2): above the hard limit only with CAP_SYS_RESOURCE of the host."""
    wanted = {
        "RLIMIT_NPROC": 6,
        "RLIMIT_NOFILE": 7,
        "RLIMIT_MEMLOCK": 8,
        "RLIMIT_MSGQUEUE": 12,
        "RLIMIT_NICE": 13,
    }
    for name, which in wanted.items():
        soft, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(which, (soft, hard + 1))
                return f"{name}: {hard} raised by one"
    raise Refused("every hard limit stays")


@attempt("limits")
def goes_before_the_agent() -> str:
    """A niceness below 0, as the agent has: then probes are late, not the app."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
        return "niceness -10"
    raise Refused(f"niceness stays at {os.getpriority(os.PRIO_PROCESS, 0)}")


@attempt("limits")
def has_its_session_go_before_the_agent() -> str:
    """/proc/self/autogroup: the niceness of the whole session (sched(7))."""
    place = Path("/proc/self/autogroup")
    if not place.exists():
        raise Refused("this kernel does not schedule by session")
    place.write_text("-10")
    return "the session's niceness is -10"


@attempt("limits")
def becomes_a_real_time_process() -> str:
    """SCHED_FIFO: nobody else gets that processor."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return "it was SCHED_FIFO"


@attempt("limits")
def is_killed_last() -> str:
    """A lower oom_score_adj than it was given: the kernel takes the agent."""
    place = Path("/proc/self/oom_score_adj")
    before = int(place.read_text())
    place.write_text(str(max(-1000, before - 100)))
    return f"{before} lowered by 100"


@attempt("limits")
def reads_and_writes_before_the_agent() -> str:
    """ioprio_set(2): the real-time class."""
    return f"{calls.call('ioprio_set', 1, 0, (1 << 13) | 0)}"


@attempt("limits")
def locks_memory_of_the_machine() -> str:
    """mlockall(2) of what is to come, beyond RLIMIT_MEMLOCK."""
    most = 64 * MIB
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft == resource.RLIM_INFINITY:
        return "no limit at all"
    if soft >= most:
        raise Refused(f"it may lock {soft} bytes, which count as its memory")
    if calls.libc.mlockall(2) != 0:
        raise Refused("mlockall is refused")
    try:
        held = bytearray(most)
    except MemoryError as error:
        raise Refused(f"{most} bytes are more than the {soft} that it may lock") from error
    return f"{len(held)} bytes locked; allowed are {soft}"


@attempt("limits")
def makes_timers_that_wake_the_machine() -> str:
    """A hundred thousand signals that wait: RLIMIT_SIGPENDING bounds them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
    soft, _ = resource.getrlimit(11)
    if soft == resource.RLIM_INFINITY:
        return "no limit at all"
    raise Refused(f"{soft} at most")


@attempt("ipc", open_to=ANYBODY)
def shares_memory_with_the_outside() -> str:
    """A segment of System V that the sandbox's own programs made."""
    segment = calls.libc.shmget(int(canary()["ipc_key"]), 0, 0)
    if segment < 0:
        raise Refused("no segment of that key")
    return f"segment {segment}"
