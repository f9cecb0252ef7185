"""The app's memory budget: a control group enforces it where there is one, else the agent does, and says `emulated`."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from chaos.agent import membership, procfs
from chaos.errors import TargetError

_MOUNT = Path("/run/chaoslab/cgroup")
_NOT_JOINED = "chaoslab: cannot join the app's control group"


class Budget:
    """How much memory the app may use, uses, and what happens beyond.

    `wrap` turns a command into one that starts inside the limit. `used_bytes` counts anonymous and shared memory: what
    the kernel can't drop under pressure.
    """

    def __init__(self, limit_bytes: int, pids: Callable[[], Sequence[int]], mount: Path = _MOUNT) -> None:
        self.limit_bytes = limit_bytes
        self.enforced_bytes = limit_bytes
        self._pids = pids
        self._memory = next(
            (m for m in (mount / "memory", mount / "unified") if (m / "cgroup.procs").exists()), None
        )
        self._groups = [group for group in sorted(mount.glob("*")) if (group / "cgroup.procs").exists()]
        self._places = {group.name: membership.place_of(group) for group in self._groups}
        self._guests: set[int] = set()
        self._ended = 0
        """By us, where no control group enforces it."""

    @property
    def kind(self) -> Literal["real", "emulated"]:
        """Who enforces it: the kernel, or the agent."""
        return "real" if self._memory else "emulated"

    def procs_files(self) -> list[Path]:
        """Where a process writes `0` to join the app's control groups, one after the other; none without them."""
        return [group / "cgroup.procs" for group in self._groups]

    def wrap(self, command: Sequence[str]) -> list[str]:
        """`command`, made to join the control groups before its first instruction, or to end with 125."""
        if not self._groups:
            return list(command)
        joins = " && ".join(f"echo 0 > {file}" for file in self.procs_files())
        script = f'{{ {joins}; }} || {{ echo "{_NOT_JOINED}" >&2; exit 125; }}; exec "$@"'
        return ["/bin/sh", "-c", script, "sh", *command]

    def outside(self, pids: Iterable[int]) -> list[int]:
        """Those of the live `pids` that are not in all of the app's control groups; nobody is where there are none."""
        return membership.outside(pids, self._places)

    def holds(self, pids: Iterable[int]) -> bool:
        """Whether the kernel says (/proc/PID/cgroup) that those which live are in the app's control groups."""
        return bool(self._groups) and not self.outside(pids)

    def prove(self) -> None:
        """Have a child join, and see it in there. Raises TargetError with what went wrong; without a group, too."""
        if self._memory is None:
            raise TargetError("there is no control group with a memory limit")
        with subprocess.Popen(
            self.wrap(["/bin/sh", "-c", "echo joined; read line"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            joined = child.stdout.readline() == "joined\n"
            inside = joined and self.holds([child.pid])
            _, said = child.communicate()
        if not joined:
            raise TargetError(f"a process could not join the app's control group: {said.strip()}")
        if not inside:
            raise TargetError("a process joined the app's control group, and /proc says that it is elsewhere")

    def group(self, controller: str) -> Path | None:
        """The app's control group for `memory`, `cpu`, `pids`, `blkio` (v1), or the unified one; None without it."""
        found = (group for group in self._groups if group.name in (controller, "unified"))
        return next(found, None)

    def admit(self, pid: int) -> None:
        """Count a process of ours (a memory hog) against the budget; the control group does so by itself."""
        self._guests.add(pid)

    def used_bytes(self) -> int:
        """See chaos.faults.support.base.Memory."""
        if self._memory is None:
            return procfs.proportional_bytes([*self._pids(), *self._guests])
        stat = self._stat("memory.stat")
        if (self._memory / "memory.current").exists():
            current = int((self._memory / "memory.current").read_text())
            return current - stat.get("active_file", 0) - stat.get("inactive_file", 0)
        return stat.get("total_rss", 0) + stat.get("total_shmem", 0)

    def account(self) -> tuple[int, int, Mapping[str, int]]:
        """The limit that is in force now, what is charged to it, the page cache included, and the group's counters."""
        if self._memory is None:
            return self.enforced_bytes, self.used_bytes(), {}
        limit = self._number("memory.limit_in_bytes", "memory.max")
        used = self._number("memory.usage_in_bytes", "memory.current")
        return min(limit, self.limit_bytes), used, self._stat("memory.stat")

    def cpu_seconds(self) -> float | None:
        """CPU time of everything that ever ran inside the group; None without one."""
        for group in self._groups:
            if (group / "cpuacct.usage").exists():
                return int((group / "cpuacct.usage").read_text()) / 1e9
            # Version 1 has a file of that name, too, which says nothing of usage.
            words = (group / "cpu.stat").read_text().split() if (group / "cpu.stat").exists() else []
            if words[:1] == ["usage_usec"]:
                return int(words[1]) / 1e6
        return None

    def throttled_s(self) -> float:
        """For how long a quota has kept the group from running, since it was made; 0 without one."""
        for group in self._groups:
            if group.name in ("cpu", "unified") and (group / "cpu.stat").exists():
                words = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
                return int(words.get("throttled_time", 0)) / 1e9 + int(words.get("throttled_usec", 0)) / 1e6
        return 0.0

    def kills(self) -> int:
        """How many processes were killed for want of memory: by the kernel, or where it sets no limit by us."""
        if self._memory is None:
            return self._ended
        for name in ("memory.events", "memory.oom_control"):
            if (self._memory / name).exists():
                return self._stat(name).get("oom_kill", 0)
        return 0

    def enforce(self) -> dict[str, Any] | None:
        """Without a control group: end the app's largest process when the budget is exceeded; what was done.

        Memory that a fault took goes only when nothing of the app is left, as the kernel would choose, too.
        """
        if self._memory is not None or self.used_bytes() <= self.enforced_bytes:
            return None
        sizes = {pid: procfs.resident_bytes([pid]) for pid in (self._pids() or self._guests)}
        pid = max(sizes, key=sizes.__getitem__)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self._guests.discard(pid)
        self._ended += 1
        return {"pid": pid, "bytes": sizes[pid]}

    def _number(self, *names: str) -> int:
        """What the first of these files says; `max` is the whole limit."""
        assert self._memory is not None
        text = next(file.read_text() for name in names if (file := self._memory / name).exists()).strip()
        return self.limit_bytes if text == "max" else int(text)

    def _stat(self, name: str) -> dict[str, int]:
        assert self._memory is not None
        pairs = (line.split() for line in (self._memory / name).read_text().splitlines())
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
