"""All that one start of a command led to, told by what its descendants cannot part from.

Behind the wall that is a control group namespace, which nobody there can leave (see chaos.agent.warden): neither
setsid(2), nor a double fork, nor another environment leads out of it. In the open it is the session, which a daemon
does leave.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from chaos.agent import procfs
from chaos.agent.commands import until_exit
from chaos.agent.procfs import Kin
from chaos.agent.wall import Child

_ENDS_WITHIN_S = 2.0
"""Of SIGKILL: whoever is in an uninterruptible wait ends when that is over."""


class Lineage:
    """One life of a process: its main process, and who descends from it. `init` adopts orphans; None: anybody may."""

    def __init__(self, child: Child, init: int | None) -> None:
        self.main = child.pid
        self.over = False
        """Its main process is, whose number may be somebody else's soon."""
        self._init = init
        self._namespace = None if child.namespace is None else os.dup(child.namespace)
        """Held, so that no other gets its number."""
        self._mark = None if self._namespace is None else _identity(os.fstat(self._namespace))

    def pids(self, everyone: Mapping[int, Kin]) -> list[int]:
        """Its live processes: the main one first, its descendants, then those that lost their parents."""
        orphans = [
            pid
            for pid, kin in everyone.items()
            if (self._init is None or kin.parent == self._init) and pid != self.main and self._has(pid, kin)
        ]
        parent_of = {pid: kin.parent for pid, kin in everyone.items()}
        return procfs.forest([*([] if self.over else [self.main]), *orphans], parent_of)

    def _has(self, pid: int, kin: Kin) -> bool:
        if self._mark is None:
            return kin.session == self.main
        try:
            return _identity(Path(f"/proc/{pid}/ns/cgroup").stat()) == self._mark
        except OSError:
            return False  # it has ended

    def left(self) -> dict[int, str]:
        """Pid and name of those that live, but for its main process."""
        return {pid: procfs.called(pid) for pid in self.pids(procfs.everyone()) if pid != self.main}

    async def end(self) -> dict[int, str]:
        """End what is left once the main process is over, and what that has started meanwhile; those who still live."""
        until = time.monotonic() + _ENDS_WITHIN_S
        while (left := self.left()) and time.monotonic() < until:
            ends = [asyncio.ensure_future(self._end(pid)) for pid in left]
            _, late = await asyncio.wait(ends, timeout=max(0.0, until - time.monotonic()))
            for each in late:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        return left

    async def _end(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            await until_exit(pid)

    def close(self) -> None:
        """Nobody of it is to be told any more."""
        if self._namespace is not None:
            os.close(self._namespace)
            self._namespace = None


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
