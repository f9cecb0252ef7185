"""Tracing: read, write and stop processes that are not the app's own; PID 1 among them."""

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from . import calls
from .core import ANYBODY, USER, Refused, attempt
from .places import first, opened, strangers

_ATTACH, _DETACH, _SEIZE, _INTERRUPT = 16, 17, 0x4206, 0x4207
_WORD = ctypes.create_string_buffer(64)


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _each(pids: list[int], act: Callable[[int], str]) -> Iterator[str]:
    for pid in pids:
        with contextlib.suppress(OSError):
            yield act(pid)


def _seized(pid: int) -> str:
    """Attached without a stop, and let go of again by our end."""
    calls.call("ptrace", _SEIZE, pid, 0, 0)
    return f"process {pid} is traced"


def _read(pid: int) -> str:
    start = int(Path(f"/proc/{pid}/maps").read_text().split("-")[0], 16)
    return _moved("process_vm_readv", pid, start)


def _moved(name: str, pid: int, place: int) -> str:
    ours, theirs = _Vector(ctypes.addressof(_WORD), 8), _Vector(place, 8)
    calls.call(name, pid, ctypes.addressof(ours), 1, ctypes.addressof(theirs), 1, 0)
    return f"{name} of process {pid}: {_WORD.raw[:8]!r}"


@attempt("ptrace", open_to=USER)
def traces_pid_1() -> str:
    """Stopped by its tracer it ends no sandbox: neither ttl nor lease (open for an ordinary user without a wall)."""
    return _seized(1)


@attempt("ptrace", open_to=USER)
def attaches_to_pid_1() -> str:
    """The old way, with a stop."""
    calls.call("ptrace", _ATTACH, 1, 0, 0)
    os.waitpid(1, 0x40000000)
    calls.call("ptrace", _DETACH, 1, 0, 0)
    return "PID 1 was stopped"


@attempt("ptrace", open_to=ANYBODY)
def traces_a_stranger() -> str:
    """The agent, a helper."""
    return first(_each(strangers(), _seized), "none of them")


@attempt("ptrace", open_to=USER)
def reads_the_memory_of_pid_1() -> str:
    """process_vm_readv(2)."""
    return first(_each([1], _read), "its maps, or its memory, cannot be read")


@attempt("ptrace", open_to=ANYBODY)
def reads_the_memory_of_a_stranger() -> str:
    """A key of the agent's, with which its events are signed, would be in it."""
    return first(_each(strangers(), _read), "none of them")


@attempt("ptrace", open_to=USER)
def is_let_through_to_process_vm_readv() -> str:
    """Of PID 1 at address 0: EFAULT says that it may, and only missed."""
    return _missed("process_vm_readv")


@attempt("ptrace", open_to=USER)
def is_let_through_to_process_vm_writev() -> str:
    """The same for writing."""
    return _missed("process_vm_writev")


def _missed(name: str) -> str:
    try:
        return _moved(name, 1, 0)
    except OSError as error:
        if error.errno != 14:
            raise
    return f"{name}: EFAULT, so it was allowed"


@attempt("ptrace", open_to=USER)
def opens_the_memory_of_pid_1() -> str:
    """/proc/1/mem."""
    return opened("/proc/1/mem", os.O_RDWR)


@attempt("ptrace", open_to=ANYBODY)
def opens_the_memory_of_a_stranger() -> str:
    """/proc/PID/mem."""
    return first(_each(strangers(), lambda pid: opened(f"/proc/{pid}/mem", os.O_RDWR)), "none of them")


@attempt("ptrace", open_to=USER)
def takes_a_descriptor_of_pid_1() -> str:
    """pidfd_getfd(2): the control socket is among them."""
    return first(_each([1], _taken), "none")


@attempt("ptrace", open_to=ANYBODY)
def takes_a_descriptor_of_a_stranger() -> str:
    """The open journal of the agent, its channel to the host."""
    return first(_each(strangers(), _taken), "none")


def _taken(pid: int) -> str:
    process = calls.call("pidfd_open", pid, 0)
    for number in range(12):
        with contextlib.suppress(OSError):
            ours = calls.call("pidfd_getfd", process, number, 0)
            return f"descriptor {number} of process {pid}: {os.readlink(f'/proc/self/fd/{ours}')}"
    raise Refused("none of the first twelve")


@attempt("ptrace", open_to=USER)
def compares_itself_with_pid_1() -> str:
    """kcmp(2): needs the right to trace."""
    return f"{calls.call('kcmp', os.getpid(), 1, 0, 0, 0)}"


@attempt("ptrace")
def advises_the_memory_of_pid_1() -> str:
    """process_madvise(2): have it paged out, over and over."""
    process = calls.call("pidfd_open", 1, 0)
    vector = _Vector(0x400000, 4096)
    return f"{calls.call('process_madvise', process, ctypes.addressof(vector), 1, 20, 0)}"


@attempt("ptrace", open_to=USER)
def debugs_by_the_environment_of_pid_1() -> str:
    """/proc/1/environ holds what it was started with."""
    return opened("/proc/1/environ", os.O_RDONLY)
