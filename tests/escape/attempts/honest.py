"""What an honest app needs of processes, memory and files, and must go on having."""

import ctypes
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import calls
from .core import Refused, honest

_TRACEME, _PEEKDATA, _POKEDATA, _CONT, _SEIZE, _INTERRUPT, _GETREGSET = 0, 2, 5, 7, 0x4206, 0x4207, 0x4204
_ENDS_WITHIN_S = 2.0


def holds(seen: object, what: str) -> str:
    """Say it when it is so. Raises Refused when it is not."""
    if not seen:
        raise Refused(f"not so: {what}")
    return what


def sleeping() -> "subprocess.Popen[bytes]":
    """A child that waits; its command line says whose it is."""
    return subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(30)", "attempts"])


@honest
def forks_and_waits() -> str:
    """fork(2), wait(2)."""
    child = os.fork()
    if child == 0:
        os._exit(7)
    return holds(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7, "a child ended with exit code 7")


@honest
def runs_threads() -> str:
    """clone(2) or clone3(2), as the C library likes."""
    seen: list[int] = []
    threads = [threading.Thread(target=seen.append, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return holds(sorted(seen) == list(range(8)), "8 threads ran")


@honest
def runs_programs() -> str:
    """exec(2) and posix_spawn(3), by a shell and its pipe."""
    said = subprocess.run(["sh", "-c", "echo one | cat"], capture_output=True, text=True, check=True).stdout
    child = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], os.environ)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return holds(said == "one\n" and code == 3, "a pipe, and a spawned program")


@honest
def signals_its_own() -> str:
    """Stop, go on, end: as every supervisor does with its workers."""
    with sleeping() as child:
        child.send_signal(signal.SIGSTOP)
        stopped = os.WIFSTOPPED(os.waitpid(child.pid, os.WUNTRACED)[1])
        child.send_signal(signal.SIGCONT)
        child.terminate()
        return holds(stopped and child.wait() == -signal.SIGTERM, "stopped, continued, ended")


@honest
def signals_a_group_of_its_own() -> str:
    """setsid(2), setpgid(2), killpg(2)."""
    child = subprocess.Popen(["sh", "-c", "sleep 30 & wait", "attempts"], start_new_session=True)
    os.killpg(child.pid, signal.SIGKILL)
    return holds(child.wait() == -signal.SIGKILL, "a session of its own, ended as a group")


@honest
def leaves_daemons_to_be_reaped() -> str:
    """A double fork: whoever adopts the daemon collects it, or numbers run out."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os.setsid()
            os.write(writing, str(os.getpid()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    daemon = int(os.read(reading, 16))
    until = time.monotonic() + _ENDS_WITHIN_S
    while os.path.exists(f"/proc/{daemon}") and time.monotonic() < until:
        time.sleep(0.01)
    return holds(not os.path.exists(f"/proc/{daemon}"), f"daemon {daemon} was reaped")


@honest
def debugs_its_own_child() -> str:
    """PTRACE_TRACEME and what gdb does then: read and write its memory."""
    word = ctypes.create_string_buffer(b"before!!", 8)
    address = ctypes.addressof(word)
    child = os.fork()
    if child == 0:
        calls.call("ptrace", _TRACEME, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(5 if word.raw == b"after!!!" else 6)
    os.waitpid(child, 0)
    calls.call("ptrace", _POKEDATA, child, address, int.from_bytes(b"after!!!", sys.byteorder))
    calls.call("ptrace", _CONT, child, 0, 0)
    return holds(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5, "its memory was written")


@honest
def attaches_to_its_own_child() -> str:
    """PTRACE_SEIZE and INTERRUPT, as strace does."""
    with sleeping() as child:
        calls.call("ptrace", _SEIZE, child.pid, 0, 0)
        calls.call("ptrace", _INTERRUPT, child.pid, 0, 0)
        stopped = os.WIFSTOPPED(os.waitpid(child.pid, 0)[1])
        child.kill()
        return holds(stopped, "attached to, and interrupted")


@honest
def sees_its_own_processes() -> str:
    """/proc shows itself and its children, with what they are."""
    with sleeping() as child:
        until = time.monotonic() + _ENDS_WITHIN_S
        while not (line := Path(f"/proc/{child.pid}/cmdline").read_bytes()) and time.monotonic() < until:
            time.sleep(0.001)  # for a moment after its exec it has none
        status = Path(f"/proc/{child.pid}/status").read_text()
        environment = Path(f"/proc/{child.pid}/environ").read_bytes()
        descriptors = os.listdir(f"/proc/{child.pid}/fd")
        child.kill()
    told = b"time.sleep" in line and f"PPid:\t{os.getpid()}\n" in status and environment and descriptors
    return holds(told, "command line, status, environment and descriptors of a child")


@honest
def reads_what_it_is() -> str:
    """/proc/self: maps, status, fd, stat, exe, limits, cgroup, mountinfo, oom_score."""
    names = (
        "maps",
        "status",
        "stat",
        "statm",
        "limits",
        "cgroup",
        "mountinfo",
        "oom_score_adj",
        "smaps",
        "comm",
    )
    read = [Path(f"/proc/self/{name}").read_bytes() for name in names]
    return holds(
        all(read) and os.readlink("/proc/self/exe") and os.listdir("/proc/self/task"), ", ".join(names)
    )


@honest
def reads_what_the_machine_is() -> str:
    """/proc: meminfo, cpuinfo, stat, loadavg, uptime, sys/kernel/osrelease."""
    names = (
        "meminfo",
        "cpuinfo",
        "stat",
        "loadavg",
        "uptime",
        "version",
        "sys/kernel/osrelease",
        "net/tcp",
        "sys/net/core/somaxconn",
    )
    return holds(all(Path(f"/proc/{name}").read_bytes() for name in names), ", ".join(names))


@honest
def becomes_another_user() -> str:
    """setuid(2), where it was given more ids than one; chown(2)."""
    ids = sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines())
    if ids == 1:
        return holds(os.getuid() == 0, "it has one id only, and is its root")
    Path("/tmp/honest-owned").write_text("x")
    os.chown("/tmp/honest-owned", 1000, 1000)
    os.unlink("/tmp/honest-owned")
    os.setgroups([])
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    return holds(os.getuid() == 1000, f"one of {ids} ids")


@honest
def lowers_its_own_priority_and_limits() -> str:
    """nice(1), setrlimit(2), its processors."""
    import resource

    os.nice(3)
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return "all three"


@honest
def filters_its_own_calls() -> str:
    """prctl(PR_SET_SECCOMP) of its own beside ours: PR_GET_SECCOMP, NO_NEW_PRIVS, a name, a subreaper."""
    for option, argument in (
        (38, 1),
        (15, ctypes.addressof(ctypes.create_string_buffer(b"honest"))),
        (36, 1),
        (4, 1),
    ):
        if calls.libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option})")
    program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000), 8)  # return ALLOW
    filter_ = struct.pack("HxxxxxxQ", 1, ctypes.addressof(program))
    if calls.libc.prctl(22, ctypes.c_ulong(2), filter_, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECCOMP)")
    return "a filter of its own"
