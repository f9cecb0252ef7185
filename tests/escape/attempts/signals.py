"""Signals: stop, end or disturb processes that are not the app's own."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from . import calls
from .core import ANYBODY, Refused, attempt
from .places import AGENT, GUESSED_PIDS, command_line, first, guessed, strangers


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@attempt("signals")
def stops_pid_1() -> str:
    """By SIGSTOP, SIGTSTP, SIGTTIN: seen in its state."""
    for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN):
        with contextlib.suppress(PermissionError):
            os.kill(1, number)
    time.sleep(0.05)
    if _state(1) in "Tt":
        os.kill(1, signal.SIGCONT)
        return "PID 1 stood still"
    raise Refused(f"PID 1 is in state {_state(1)}")


@attempt("signals")
def ends_pid_1() -> str:
    """By every signal that ends a process; with it the sandbox, and every word of its own."""
    deadly = (
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGSEGV,
        signal.SIGUSR1,
        signal.SIGALRM,
        signal.SIGKILL,
    )
    for number in deadly:
        with contextlib.suppress(PermissionError):
            os.kill(1, number)
    time.sleep(0.05)
    raise Refused("it lives on")


@attempt("signals", open_to=ANYBODY)
def stops_the_agent() -> str:
    """And lets it go on again: forging a verdict begins with this."""
    return first(_stopped(strangers()), "none of them")


def _stopped(pids: list[int]) -> Iterator[str]:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.005)
            state = _state(pid)
            os.kill(pid, signal.SIGCONT)
            yield f"process {pid} was in state {state}: {command_line(pid)[:60]!r}"


@attempt("signals", open_to=ANYBODY)
def signals_the_pid_of_the_agents_file() -> str:
    """agent.pid says which it is."""
    pid = int((AGENT / "agent.pid").read_text())
    os.kill(pid, 0)
    return f"process {pid} may be signalled"


@attempt("signals")
def signals_a_guessed_pid() -> str:
    """Numbers that /proc does not show."""
    return first(_answering(guessed()), f"nobody answers to {GUESSED_PIDS}")


def _answering(pids: Iterator[int]) -> Iterator[str]:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, 0)
            if pid != _group_of_thread(pid):
                continue
            yield f"process {pid} may be signalled"


def _group_of_thread(pid: int) -> int:
    """Numbers of threads answer, too: those are of processes that /proc shows."""
    for own in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        with contextlib.suppress(OSError):
            if str(pid) in os.listdir(f"/proc/{own}/task"):
                return own
    return pid


@attempt("signals")
def signals_the_group_of_its_parent() -> str:
    """Process groups and sessions of whoever started it."""
    return first(_groups(), "its own groups only")


def _groups() -> Iterator[str]:
    for pid in (os.getppid(), os.getsid(0), 1):
        with contextlib.suppress(OSError):
            group = os.getpgid(pid)
            if group > 1 and b"attempts" not in command_line(group):
                os.killpg(group, 0)
                yield f"group {group} may be signalled"


@attempt("signals")
def joins_the_group_of_a_stranger() -> str:
    """To be taken for one of the agent's, or to get its terminal's signals."""
    for pid in [1, *strangers_or_none()]:
        with contextlib.suppress(OSError):
            group = os.getpgid(pid)
            if group > 0 and b"attempts" not in command_line(group):
                os.setpgid(0, group)
                return f"it is in the group of process {pid}, {group}"
    raise Refused("no other group lets it in")


def strangers_or_none() -> list[int]:
    """Empty where there is none."""
    with contextlib.suppress(Refused):
        return strangers()
    return []


@attempt("signals", open_to=ANYBODY)
def signals_by_a_pidfd() -> str:
    """pidfd_send_signal(2)."""
    for pid in strangers():
        with contextlib.suppress(OSError):
            calls.call("pidfd_send_signal", calls.call("pidfd_open", pid, 0), 0, 0, 0)
            return f"process {pid} may be signalled"
    raise Refused("none of them")


@attempt("signals", open_to=ANYBODY)
def signals_everybody() -> str:
    """kill(-1): SIGCONT harms nobody, and whom it can reach is asked one by one."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGCONT)
    return first(_answering(iter(strangers())), "its own processes only")
