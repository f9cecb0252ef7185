"""Stop whole process trees, see them stopped, and let them go on again (SIGSTOP and SIGCONT, signal(7))."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from chaos.errors import FaultError
from chaos.faults.process.tree import LiveProcess, alive, cpu_s, family, halted, look, stopped

_PATIENCE_S = 2.0
"""A thread in the middle of an uninterruptible wait stops only when that is over."""
_LOOK_S = 0.0005
_HANDLING_S = 0.001
"""What a process may use of a processor to take its signal."""


class Stopper:
    """The trees below `roots`, which may change, or those `alone`. Remembers whom it stopped, so that all can go on."""

    def __init__(self, roots: Iterable[int], *, alone: bool = False) -> None:
        self.roots = list(roots)
        self._alone = alone
        self._held: dict[int, LiveProcess] = {}
        self.quiet_since = time.monotonic()
        """From when on nobody ran. A process that waits for a processor takes its signal when it gets one, which on a
        busy machine is long after, and runs nothing of its own before that."""

    def stop(self) -> int:
        """Stop everybody and see it; how many of them ran. Raises FaultError when somebody still does.

        Who forks at that moment leaves a child that runs: so look again until nobody is found.
        """
        self.quiet_since = time.monotonic()
        deadline, stirring = self.quiet_since + _PATIENCE_S, 0
        while running := [process for process in self._meant() if not stopped(process.pid)]:
            stirring += len(running)
            for process in running:
                self._signal(process)
            pids = [process.pid for process in running]
            signalled_at, used_s = time.monotonic(), cpu_s(pids)
            while any(alive(p.pid, p.born) and not stopped(p.pid) for p in running):
                if time.monotonic() > deadline:
                    those = ", ".join(map(str, pids))
                    raise FaultError(f"{those} did not stop within {_PATIENCE_S:g} s of SIGSTOP")
                time.sleep(_LOOK_S)
            quiet = cpu_s(pids) - used_s <= _HANDLING_S
            self.quiet_since = signalled_at if quiet else time.monotonic()
        return stirring

    def _meant(self) -> list[LiveProcess]:
        if self._alone:
            return [process for pid in self.roots if (process := look(pid)) is not None]
        return family(self.roots)

    def _signal(self, process: LiveProcess) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGSTOP)
            self._held[process.pid] = process
            _signal_threads(process.pid)

    def take_over(self) -> None:
        """Take everybody for stopped: whoever did it has gone."""
        self._held |= {process.pid: process for process in self._meant()}

    def held(self) -> list[int]:
        """Pids of those that it stopped and that still live."""
        return [pid for pid, process in self._held.items() if alive(pid, process.born)]

    def let_go(self) -> None:
        """Let everybody go on and see it. Raises FaultError when somebody can't."""
        deadline = time.monotonic() + _PATIENCE_S
        while still := [pid for pid in self.held() if halted(pid)]:
            for pid in still:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            if time.monotonic() > deadline:
                raise FaultError(f"still stopped {_PATIENCE_S:g} s after SIGCONT: {still}")
            if any(halted(pid) for pid in still):
                time.sleep(_LOOK_S)
        self._held.clear()


def _signal_threads(pid: int) -> None:
    """Each by itself, too, which SIGCONT takes back from all (signal(7)).

    The kernel gives a process's signal to one of its threads, mostly the first. The others run on until that one has a
    processor, which on a busy machine is long after.
    """
    try:
        import ctypes

        kill = ctypes.CDLL(None).tgkill  # since glibc 2.30
    except (ImportError, AttributeError):
        return  # as the kernel does it, then
    with contextlib.suppress(OSError):  # it has gone
        for thread in Path(f"/proc/{pid}/task").iterdir():
            kill(pid, int(thread.name), signal.SIGSTOP)
