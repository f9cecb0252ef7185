"""Compare the sandbox before and after a fault; name whatever was left behind.

Looked at: mounts and their options, the agent's child processes, routes, interfaces, bound netfilter queues, /etc/hosts
and resolv.conf, files of ours on the app's disks and how much fits on those, limits of the app's control groups,
limits of each of the app's processes that lived before and after, and whether it is stopped, how far clocks are off.
Rules in nftables belong to their owner's socket and go with it.

What the host, a router or the app does meanwhile is not the fault's: a file of the host that is replaced while it is
shown here (a package is installed) is still the same mount, only called `…//deleted`; routes that are learnt come and
go; most file systems say another size as they fill; what the app starts lives below its own init.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from chaos.agent import procfs
from chaos.faults.clock.page import ClockPage, pages

_TABLES = {
    "route": "/proc/net/route",
    "ipv6 route": "/proc/net/ipv6_route",
    "interface": "/proc/net/dev",
    "netfilter queue": "/proc/net/netfilter/nfnetlink_queue",
}
_FILES = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf")
_KERNELS = {("0" * 32, "00", "lo"), ("1".zfill(32), "80", "lo")}
"""Routes of the loopback where the kernel speaks IPv6: where that is a module, the first who asks for it loads it."""
_GROUPS = Path("/run/chaoslab/cgroup")
_CLOCKS = Path("/run/chaoslab")
_LIMITS = (
    "memory.limit_in_bytes", "cpu.cfs_quota_us", "cpu.cfs_period_us", "pids.max", "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device", "memory.max", "memory.high", "cpu.max", "io.max", "cgroup.freeze",
)  # fmt: skip

Snapshot = frozenset[str]
PROCESS = "process "
_STATE = "state of "
_MOUNT, _OF_THE_HOST = "mount ", "mount in a folder of the host's "
_ESCAPED = re.compile(r"\\([0-7]{3})")
_MAY_HANG = ("fuse", "nfs", "cifs", "smb", "9p", "ceph", "autofs")
_LEARNT = 0x10 | 0x20 | 0x40000 | 0x400000 | 0x1000000
"""RTF_DYNAMIC, RTF_MODIFIED, RTF_ADDRCONF, RTF_EXPIRES, RTF_CACHE of <linux/route.h> and <linux/ipv6_route.h>."""
_RESTRAINED = ("Max open files", "Max processes")


def snapshot(known_pids: Iterable[int], disks: Sequence[str]) -> Snapshot:
    """Everything a fault could leave, a line each. Known pids, the app's and those of probes, are no fault's."""
    known = set(known_pids)
    things = _mounts() | _tables() | _files() | _processes(known) | _ours(disks)
    return frozenset(things | _rooms(disks) | _limits() | _states(known) | _clocks())


def left(before: Snapshot, after: Snapshot) -> list[str]:
    """What is there now and was not, and what was there and is not; a process that ended or began is nothing left."""
    gone = (line for line in before - after if not line.startswith((PROCESS, _STATE, _OF_THE_HOST)))
    lived = {line.partition(":")[0] for line in before}
    new = (line for line in after - before if not line.startswith(_STATE) or line.partition(":")[0] in lived)
    return sorted(new) + sorted(f"gone: {line}" for line in gone)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []


class _Mount(NamedTuple):
    """One line of mountinfo (proc(5)). Its root is left out: that is a path of the host's, who may rename it."""

    id: str
    parent: str
    device: str
    point: str
    options: str
    kind: str

    @property
    def in_memory(self) -> bool:
        return self.kind in ("tmpfs", "ramfs")

    @property
    def identity(self) -> str:
        """What is mounted, whatever it is called now: its inode. Of a file system that may hang, nothing is asked."""
        if self.kind.startswith(_MAY_HANG):
            return ""
        path = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), self.point))
        try:
            return f" inode {path.stat().st_ino}"
        except OSError:
            return ""


def _mountinfo() -> Iterator[_Mount]:
    for line in _lines("/proc/self/mountinfo"):
        fields, _, source = line.partition(" - ")
        number, parent, device, _root, point, options = fields.split()[:6]
        yield _Mount(number, parent, device, point, options, source.split()[0])


def _mounts() -> set[str]:
    """A line for each, and for each of several that are alike; ids are used again, and so are no name for one."""
    every = {mount.id: mount for mount in _mountinfo()}
    found: set[str] = set()
    alike: Counter[str] = Counter()
    for mount in every.values():
        on = every.get(mount.parent)
        # the kernel detaches what is mounted in a folder of the host's when the host removes that folder
        theirs = (
            on is not None and not on.in_memory and "ro" in on.options.split(",") and on.point != mount.point
        )
        line = f"{_OF_THE_HOST if theirs else _MOUNT}{mount.device} {mount.point} {mount.options}{mount.identity}"
        alike[line] += 1
        found.add(line if alike[line] == 1 else f"{line} ({alike[line]} times)")
    return found


def _tables() -> set[str]:
    found = {f"interface {line.split()[0]}" for line in _lines(_TABLES["interface"])[2:]}
    found |= {f"netfilter queue {line.split()[0]}" for line in _lines(_TABLES["netfilter queue"])}
    for name, first, flags in (("route", 1, 3), ("ipv6 route", 0, 8)):
        for line in _lines(_TABLES[name])[first:]:
            fields = line.split()
            if (*fields[:2], fields[-1]) in _KERNELS:
                continue
            if not int(fields[flags], 16) & _LEARNT:
                found.add(f"{name} {' '.join(fields[:4])}")
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
    """How large each disk in memory is, and how many files it may hold: no fault resizes another.

    XFS, ZFS and btrfs say so by what is free now, which the app and the host change.
    """
    found = set()
    in_memory = {mount.point: mount.in_memory for mount in _mountinfo()}
    for disk in disks:
        above = (str(each) for each in (Path(disk), *Path(disk).parents))
        if not next((in_memory[point] for point in above if point in in_memory), False):
            continue
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


def _wrong(page: ClockPage) -> str:
    try:
        offset_s, drift = page.wrong()
    except OSError as error:
        return str(error.strerror)
    return f"off by {offset_s} s, drift {drift}"
