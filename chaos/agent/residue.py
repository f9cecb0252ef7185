"""Compare the sandbox before and after a fault; name whatever was left behind.

Looked at: mounts and their options, the agent's child processes, routes, interfaces, bound netfilter queues, /etc/hosts
and resolv.conf, files of ours on the app's disks and how much fits on those, limits of the app's control groups,
limits of each of the app's processes that lived before and after, and whether it is stopped, how far clocks are off.
Rules in nftables belong to their owner's socket and go with it.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from chaos.agent import procfs
from chaos.faults.clock.page import Page, pages

_TABLES = {
    "route": "/proc/net/route",
    "ipv6 route": "/proc/net/ipv6_route",
    "interface": "/proc/net/dev",
    "netfilter queue": "/proc/net/netfilter/nfnetlink_queue",
}
_FILES = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf")
_GROUPS = Path("/run/chaoslab/cgroup")
_CLOCKS = Path("/run/chaoslab")
_LIMITS = (
    "memory.limit_in_bytes", "cpu.cfs_quota_us", "cpu.cfs_period_us", "pids.max", "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device", "memory.max", "memory.high", "cpu.max", "io.max", "cgroup.freeze",
)  # fmt: skip

Snapshot = frozenset[str]
PROCESS = "process "
_STATE = "state of "
_RESTRAINED = ("Max open files", "Max processes")


def snapshot(known_pids: Iterable[int], disks: Sequence[str]) -> Snapshot:
    """Everything a fault could leave, a line each. Known pids, the app's and those of probes, are no fault's."""
    known = set(known_pids)
    things = _mounts() | _tables() | _files() | _processes(known) | _ours(disks)
    return frozenset(things | _rooms(disks) | _limits() | _states(known) | _clocks())


def left(before: Snapshot, after: Snapshot) -> list[str]:
    """What is there now and was not, and what was there and is not; a process that ended or began is nothing left."""
    gone = (line for line in before - after if not line.startswith((PROCESS, _STATE)))
    lived = {line.partition(":")[0] for line in before}
    new = (line for line in after - before if not line.startswith(_STATE) or line.partition(":")[0] in lived)
    return sorted(new) + sorted(f"gone: {line}" for line in gone)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []


def _mounts() -> set[str]:
    # Fields 3 to 6 of mountinfo: device, root, mount point, options (proc(5)); ids differ between looks.
    return {"mount " + " ".join(line.split()[2:6]) for line in _lines("/proc/self/mountinfo")}


def _tables() -> set[str]:
    found = {
        f"{name} {' '.join(line.split()[:1])}"
        for name in ("interface",)
        for line in _lines(_TABLES[name])[2:]
    }
    for name in ("route", "ipv6 route", "netfilter queue"):
        first = 1 if name == "route" else 0
        columns = 1 if name == "netfilter queue" else 4
        found |= {f"{name} {' '.join(line.split()[:columns])}" for line in _lines(_TABLES[name])[first:]}
    return found


def _files() -> set[str]:
    return {f"{path}: {line}" for path in _FILES for line in _lines(path)}


def _processes(known: set[int]) -> set[str]:
    me, parent_of = os.getpid(), procfs.parents()
    families = {pid for root in known for pid in procfs.tree(root, parent_of)}
    return {f"{PROCESS}{pid}" for pid in procfs.tree(me, parent_of) if pid != me and pid not in families}


def _states(pids: set[int]) -> set[str]:
    """Of each process: its soft and hard limits that a fault may change, and whether it is stopped."""
    found = set()
    for pid in pids:
        limits = [
            line.split()[-3:-1] for line in _lines(f"/proc/{pid}/limits") if line.startswith(_RESTRAINED)
        ]
        state = [line.split()[1] for line in _lines(f"/proc/{pid}/status") if line.startswith("State:")]
        if limits and state:
            words = "stopped" if state[0] in ("T", "t") else "running"
            found.add(f"{_STATE}process {pid}: {words}, files and processes {limits}")
    return found


def _ours(disks: Sequence[str]) -> set[str]:
    return {f"file {path}" for disk in disks for path in Path(disk).glob(".chaoslab*")}


def _rooms(disks: Sequence[str]) -> set[str]:
    """How large each disk is, and how many files it may hold."""
    found = set()
    for disk in disks:
        try:
            seen = os.statvfs(disk)
        except OSError:
            continue
        found.add(f"size of {disk}: {seen.f_blocks * seen.f_frsize} B, {seen.f_files} inodes")
    return found


def _limits() -> set[str]:
    """Those of control groups that a fault may change."""
    files = (group / name for group in sorted(_GROUPS.glob("*")) for name in _LIMITS)
    return {f"limit {path.parent.name}/{path.name} {line}" for path in files for line in _lines(str(path))}


def _clocks() -> set[str]:
    """How far the clock of each process that was started under one is off."""
    return {f"clock of {page.path.name}: {_wrong(page)}" for page in pages(_CLOCKS)}


def _wrong(page: Page) -> str:
    try:
        offset_s, drift = page.wrong()
    except OSError as error:
        return str(error.strerror)
    return f"off by {offset_s} s, drift {drift}"
