"""A control group for the sandbox, when this process may make one: limits its app's memory, counts its CPU time.

Two levels: `chaoslab-<id>` holds the sandbox's own programs and is not limited; `chaoslab-<id>/app` holds the app (and
the memory a fault takes) and carries the limit. So the agent is never the victim of the app's out-of-memory kill, and
what disk_full writes is not charged to the app's memory.

v1: one directory a controller (memory, cpuacct). v2: one directory; needs a parent that may delegate `memory`.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_V1_CONTROLLERS = ("memory", "cpuacct", "cpu", "pids", "blkio")
_LIMITS = (
    "memory.limit_in_bytes", "cpu.cfs_quota_us", "cpu.cfs_period_us", "pids.max", "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device", "memory.max", "memory.high", "cpu.max", "io.max", "cgroup.freeze",
)  # fmt: skip


class Cgroup:
    """The directories of one sandbox; `views` maps the name inside the sandbox to the app's host directory."""

    def __init__(self, parents: Sequence[Path] = (), refused: str = "") -> None:
        self.parents = list(parents)
        self.views: dict[str, Path] = {}
        self.refused = refused

    def add(self, pid: int) -> None:
        """Move a process (and its future children) into the sandbox's own level."""
        for parent in self.parents:
            level = parent / "self" if (parent / "self").is_dir() else parent
            (level / "cgroup.procs").write_text(str(pid))

    def hand_over(self, uid: int) -> None:
        """Let `uid` (root inside the sandbox) move its processes into the app's group and change the app's limits."""
        for parent in self.parents:
            limits = [parent / "app" / name for name in _LIMITS]
            for path in (
                *(level / "cgroup.procs" for level in (parent, parent / "self", parent / "app")),
                *limits,
            ):
                if path.exists():
                    os.chown(path, uid, uid)
        if "blkio" in self.views:  # a v1 group is measured in another one beside it: see chaos.faults.blkio
            os.chown(self.views["blkio"], uid, uid)

    def remove(self, patience_s: float = 5.0) -> None:
        """Remove the directories; the kernel needs a moment after the last process has gone. Raises OSError."""
        deadline = time.monotonic() + patience_s
        for parent in self.parents:
            made_by_faults = sorted(path for path in (parent / "app").glob("*") if path.is_dir())
            for level in (*made_by_faults, parent / "app", parent / "self", parent):
                while level.is_dir():
                    try:
                        level.rmdir()
                    except OSError:
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(0.005)


def make(name: str, memory_bytes: int) -> Cgroup:
    """Make the groups of sandbox `name`; where that is not possible, an empty Cgroup whose `refused` says why."""
    cgroup = Cgroup()
    try:
        if (ROOT / "cgroup.controllers").exists():
            _make_v2(cgroup, name, memory_bytes)
        else:
            _make_v1(cgroup, name, memory_bytes)
    except OSError as error:
        with contextlib.suppress(OSError):
            cgroup.remove(patience_s=0)
        return Cgroup(refused=f"{error.filename or ROOT}: {error.strerror}")
    return cgroup


def _make_v1(cgroup: Cgroup, name: str, memory_bytes: int) -> None:
    if not (ROOT / "memory" / "memory.limit_in_bytes").exists():
        raise FileNotFoundError(2, "no memory controller", str(ROOT / "memory"))
    for controller in _V1_CONTROLLERS:
        if not (ROOT / controller).is_dir() or (ROOT / controller).is_symlink():
            continue
        parent = ROOT / controller / name
        parent.mkdir()
        cgroup.parents.append(parent)
        (parent / "app").mkdir()
        cgroup.views[controller] = parent / "app"
    (cgroup.views["memory"] / "memory.limit_in_bytes").write_text(str(memory_bytes))


def _make_v2(cgroup: Cgroup, name: str, memory_bytes: int) -> None:
    refusals = []
    for base in _v2_bases():
        parent = base / name
        try:
            parent.mkdir()
            cgroup.parents = [parent]
            (parent / "self").mkdir()
            (parent / "app").mkdir()
            (parent / "cgroup.subtree_control").write_text(_wanted(parent))
            (parent / "app" / "memory.max").write_text(str(memory_bytes))
            (parent / "app" / "memory.swap.max").write_text("0")
        except OSError as error:
            refusals.append(error)
            cgroup.remove(patience_s=0)
            cgroup.parents = []
            continue
        cgroup.views = {"unified": parent / "app"}
        return
    raise refusals[0]


def _wanted(parent: Path) -> str:
    """The controllers to switch on below: memory in any case, the others where they may be had."""
    offered = (parent / "cgroup.controllers").read_text().split()
    return " ".join(
        f"+{name}" for name in ("memory", "cpu", "pids", "io") if name == "memory" or name in offered
    )


def _v2_bases() -> list[Path]:
    """Where a group may be made: our own group and its ancestors, nearest first."""
    own = Path("/proc/self/cgroup").read_text().split("::", 1)[-1].strip().lstrip("/")
    here = ROOT / own
    return [here, *(level for level in here.parents if level == ROOT or ROOT in level.parents)]
