"""The control groups of a sandbox: a hard limit for all of it, its own level, and the app's with the limits asked for.

`chaoslab-<id>` bounds the whole sandbox and is nobody's inside to change; `…/app` holds the app (and what a fault takes
of its memory) and belongs to the agent's identity. The agent lives beside it (v2: `…/self`; v1: in `chaoslab-<id>`
itself), so it is never the victim of the app's out-of-memory kill, and what disk_full writes is not the app's.

v1: one directory for each controller. v2: one for all, made where `memory`, `cpu` and `pids` are handed down. A
hybrid machine has some of either. Two steps: `make` while there is nobody yet, `settle` when the sandbox's first
process has made its control group namespace. In between it is in `chaoslab-<id>`, because that becomes the root of its
namespace, beyond which nsdelegate (cgroup-v2.rst, Delegation Containment) lets nobody move a process.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from chaos.namespaces import cpusets, delegation
from chaos.namespaces.spec import MOST_TASKS, SPARE_TASKS

ROOT = Path("/sys/fs/cgroup")
SPARE_BYTES = 2**30
"""For the agent and what it keeps in memory: the journal (512 MiB at most), the small disks, faults' helpers."""
_V1_CONTROLLERS = ("memory", "cpuacct", "cpu", "cpuset", "pids", "blkio")
_V2_CONTROLLERS = ("memory", "cpu", "cpuset", "pids", "io")
_NEEDED = frozenset({"memory", "cpu", "pids"})
_LIMITS = (
    "memory.limit_in_bytes", "cpu.cfs_quota_us", "cpu.cfs_period_us", "pids.max", "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device", "memory.max", "memory.high", "cpu.max", "io.max", "cgroup.freeze",
    "cpuset.cpus",
)  # fmt: skip


class CgroupLimits(NamedTuple):
    """Of one sandbox. Sizes in bytes."""

    app_bytes: int
    disk_bytes: int = 0
    """The size of each of its two disks, which are kept in memory."""

    @property
    def all_bytes(self) -> int:
        """What all of the sandbox may take together."""
        return self.app_bytes + 2 * self.disk_bytes + SPARE_BYTES


class Cgroup:
    """The directories of one sandbox; `views` maps the name inside the sandbox to the app's host directory."""

    def __init__(self, parents: Sequence[Path] = (), refused: str = "") -> None:
        self.parents = list(parents)
        self.views: dict[str, Path] = {}
        self.refused = refused
        self._limits = CgroupLimits(0)

    def add(self, pid: int) -> None:
        """Move the sandbox's first process to where its control group namespace is to begin. Raises OSError."""
        for parent in self.parents:
            (parent / "cgroup.procs").write_text(str(pid))

    def settle(self, pid: int | None, uid: int | None) -> None:
        """Move it to its own level, set the app's limits, let `uid` (root inside) change these. Raises OSError."""
        for parent in self.parents:
            if _is_v2(parent):
                if pid is not None:
                    (parent / "self" / "cgroup.procs").write_text(str(pid))
                _hand_down(parent)
            _limit(parent / "app", self._limits.app_bytes, MOST_TASKS)
        if uid is not None:
            self._hand_over(uid)

    def remove(self, patience_s: float = 5.0) -> None:
        """Remove the directories; the kernel needs a moment after the last process has gone. Raises OSError."""
        deadline = time.monotonic() + patience_s
        for parent in self.parents:
            for level, _, _ in os.walk(parent, topdown=False):
                while os.path.isdir(level):
                    try:
                        os.rmdir(level)
                    except FileNotFoundError:
                        break
                    except OSError:
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(0.005)

    def _hand_over(self, uid: int) -> None:
        for parent in self.parents:
            levels = [parent, parent / "self", parent / "app"]
            for path in (
                *(level / "cgroup.procs" for level in levels),
                *(parent / "app" / name for name in _LIMITS),
            ):
                if path.exists():
                    os.chown(path, uid, uid)
        if (
            "blkio" in self.views
        ):  # a v1 group is measured in another one beside it: see chaos.faults.linux.blkio
            os.chown(self.views["blkio"], uid, uid)

    def _make(self, base: Path, name: str, limits: CgroupLimits) -> Path:
        """The sandbox's level below `base`, with its hard limit. Raises OSError."""
        parent = base / name
        parent.mkdir()
        self.parents.append(parent)
        self._limits = limits
        cpusets.fill(parent, base)
        (parent / "app").mkdir()
        cpusets.fill(parent / "app", parent)
        if _is_v2(parent):
            (parent / "self").mkdir()
        _limit(parent, limits.all_bytes, MOST_TASKS + SPARE_TASKS)
        return parent


def make(name: str, limits: CgroupLimits) -> Cgroup:
    """Make the groups of sandbox `name`; where that is not possible, an empty Cgroup whose `refused` says why."""
    cgroup = Cgroup()
    try:
        if (ROOT / "cgroup.controllers").exists():
            cgroup.views["unified"] = _make_v2(cgroup, name, limits) / "app"
        else:
            _make_v1(cgroup, name, limits)
    except OSError as error:
        with contextlib.suppress(OSError):
            cgroup.remove(patience_s=0)
        return Cgroup(refused=f"{error.filename or ROOT}: {error.strerror}")
    return cgroup


def _make_v1(cgroup: Cgroup, name: str, limits: CgroupLimits) -> None:
    made: dict[Path, Path] = {}
    for controller in _V1_CONTROLLERS:
        base = (ROOT / controller).resolve()  # systemd mounts two as one, `cpu,cpuacct`, with links for each
        if base.is_dir():
            made[base] = made.get(base) or cgroup._make(base, name, limits)
            cgroup.views[controller] = made[base] / "app"
    if "memory" in _offered(ROOT / "unified"):  # hybrid, and this controller is of the new kind
        cgroup.views["unified"] = cgroup._make(ROOT / "unified", name, limits) / "app"
    elif "memory" not in cgroup.views:
        raise FileNotFoundError(2, "no memory controller", str(ROOT / "memory"))


def _make_v2(cgroup: Cgroup, name: str, limits: CgroupLimits) -> Path:
    """Where memory, CPU and processes can all be limited; else in a group that systemd gives us; else for memory."""
    bases = _v2_bases()
    for base in (base for base in bases if _offered(base, below=True) >= _NEEDED):
        with contextlib.suppress(PermissionError):
            return cgroup._make(base, name, limits)
    own = delegation.own_scope(name)
    if own.group is not None:
        return cgroup._make(_emptied(ROOT / own.group), name, limits)
    for base in bases:
        if os.geteuid() == 0 and base == ROOT:
            _hand_down(base)
        if "memory" in _offered(base, below=True):
            with contextlib.suppress(PermissionError):
                return cgroup._make(base, name, limits)
    raise PermissionError(13, f"no group with the memory controller is ours; {own.why_not}", str(bases[-1]))


def _v2_bases() -> list[Path]:
    """Where a group may be made: the root for root, else our own group and its ancestors, nearest first."""
    lines = Path("/proc/self/cgroup").read_text(errors="surrogateescape").splitlines()
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    here = ROOT / own
    near = [level for level in (here, *here.parents) if level == ROOT or ROOT in level.parents]
    return [ROOT, *near[:-1]] if os.geteuid() == 0 else near


def _emptied(group: Path) -> Path:
    """A group of ours that only we are in, made one that may hand controllers down: we move to a leaf."""
    (group / "keeper").mkdir(exist_ok=True)
    (group / "keeper" / "cgroup.procs").write_text("0")
    _hand_down(group)
    return group


def _is_v2(group: Path) -> bool:
    return (group / "cgroup.controllers").exists()


def _offered(group: Path, *, below: bool = False) -> set[str]:
    """Controllers that a group of v2 has, or that the groups `below` it have."""
    try:
        return set(
            (group / ("cgroup.subtree_control" if below else "cgroup.controllers")).read_text().split()
        )
    except OSError:
        return set()


def _hand_down(group: Path) -> None:
    """Switch on every controller of ours for the groups below. Raises OSError when it is refused."""
    wanted = [f"+{name}" for name in _V2_CONTROLLERS if name in _offered(group)]
    (group / "cgroup.subtree_control").write_text(" ".join(wanted))


def _limit(group: Path, memory_bytes: int, tasks: int) -> None:
    """Memory without swap, and processes, as far as this group has files for it. Raises OSError."""
    for name, value in (
        ("memory.limit_in_bytes", memory_bytes),
        ("memory.memsw.limit_in_bytes", memory_bytes),  # never below the one before
        ("memory.max", memory_bytes),
        ("memory.swap.max", 0),
        ("pids.max", tasks),
    ):
        if (group / name).exists():
            (group / name).write_text(str(value))
