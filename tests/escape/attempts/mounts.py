"""Mounts: make one, move one, take one away, make one writable."""

import contextlib
import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from . import calls
from .core import ANYBODY, USER, Refused, attempt
from .places import first

_HERE = "/tmp/escape-mount"
_MNT_DETACH = 2
_OPEN_TREE_CLONE = 1
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_KINDS = (
    "debugfs",
    "tracefs",
    "securityfs",
    "bpf",
    "configfs",
    "binfmt_misc",
    "fusectl",
    "devtmpfs",
    "pstore",
    "selinuxfs",
)


def _mounted(source: str | None, kind: str | None, flags: int = 0, options: str | None = None) -> str:
    """Mount it on a place of our own, say what is there, and take it away. Raises OSError."""
    os.makedirs(_HERE, exist_ok=True)
    calls.mount(source, _HERE, kind, flags, options)
    there = os.listdir(_HERE)[:12]
    with contextlib.suppress(OSError):
        calls.call("umount2", _HERE.encode(), _MNT_DETACH)
    return f"{kind or source} mounted: {there}"


@attempt("mounts", open_to=ANYBODY)
def mounts_a_tmpfs() -> str:
    """The harmless one."""
    return _mounted("tmpfs", "tmpfs")


@attempt("mounts", open_to=ANYBODY)
def binds_the_root() -> str:
    """What is below the covers of the tree."""
    return _mounted("/", None, calls.MS_BIND)


@attempt("mounts", open_to=USER)
def binds_the_root_of_pid_1() -> str:
    """By /proc, the root of somebody else."""
    return _mounted("/proc/1/root", None, calls.MS_BIND | calls.MS_REC)


@attempt("mounts", open_to=ANYBODY)
def mounts_another_proc() -> str:
    """One that shows the processes of another namespace, or writable sysctls."""
    return _mounted("proc", "proc")


@attempt("mounts")
def mounts_a_sysfs() -> str:
    """A writable one."""
    return _mounted("sysfs", "sysfs")


@attempt("mounts", open_to=ANYBODY)
def mounts_the_control_groups() -> str:
    """Version 2, or a controller of version 1, to write to."""
    wanted = (("cgroup2", None), ("cgroup", "memory"), ("cgroup", "pids"), ("cgroup", "devices"))
    return first(_each_mounted(wanted), "neither cgroup2 nor cgroup")


@attempt("mounts")
def mounts_an_overlay() -> str:
    """A writable /etc over the read-only one."""
    for name in ("up", "work"):
        os.makedirs(f"/tmp/escape-{name}", exist_ok=True)
    return _mounted("overlay", "overlay", 0, "lowerdir=/etc,upperdir=/tmp/escape-up,workdir=/tmp/escape-work")


@attempt("mounts")
def mounts_a_file_system_of_the_kernel() -> str:
    """Those through which it is steered."""
    return first(_each_mounted((kind, None) for kind in _KINDS), "none of them")


@attempt("mounts")
def mounts_the_hosts_disk() -> str:
    """The block devices that /proc/partitions names."""
    names = [line.split()[-1] for line in Path("/proc/partitions").read_text().splitlines()[2:]]
    return first(_disks(names), f"none of {len(names)} devices")


def _disks(names: list[str]) -> Iterator[str]:
    for name in names:
        for kind in ("ext4", "xfs", "btrfs"):
            with contextlib.suppress(OSError):
                yield _mounted(f"/dev/{name}", kind, calls.MS_RDONLY)


def _each_mounted(
    wanted: "Iterator[tuple[str, str | None]] | tuple[tuple[str, str | None], ...]",
) -> Iterator[str]:
    for kind, options in wanted:
        with contextlib.suppress(OSError):
            yield _mounted(kind, kind, 0, options)


def _points(read_only: bool) -> list[str]:
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [words[4] for words in lines if ("ro" in words[5].split(",")) is read_only]


@attempt("mounts", open_to=ANYBODY)
def remounts_what_is_read_only() -> str:
    """Every mount that is not writable, made so by remounting it."""
    return first(_remounted(), f"all of {len(_points(True))} stay read-only")


def _remounted() -> Iterator[str]:
    for place in reversed(_points(True)):
        for more in (
            0,
            calls.MS_NOSUID,
            calls.MS_NOSUID | calls.MS_NODEV,
            calls.MS_NOSUID | calls.MS_NODEV | calls.MS_NOEXEC,
        ):
            with contextlib.suppress(OSError):
                calls.mount(None, place, None, calls.MS_REMOUNT | calls.MS_BIND | more)
                calls.mount(None, place, None, calls.MS_REMOUNT | calls.MS_BIND | calls.MS_RDONLY | more)
                yield f"{place} was writable"


@attempt("mounts")
def sets_attributes_of_a_mount() -> str:
    """The same by mount_setattr(2), which filters of old do not know."""
    attributes = struct.pack("QQQQ", 0, calls.MS_RDONLY, 0, 0)
    for place in _points(True):
        with contextlib.suppress(OSError):
            calls.call("mount_setattr", _AT_FDCWD, place.encode(), 0, attributes, len(attributes))
            back = struct.pack("QQQQ", calls.MS_RDONLY, 0, 0, 0)
            calls.call("mount_setattr", _AT_FDCWD, place.encode(), 0, back, len(back))
            return f"{place} was writable"
    raise Refused("no mount's attributes can be changed")


@attempt("mounts", open_to=ANYBODY)
def takes_a_mount_away() -> str:
    """To see what is below it."""
    for place in ("/var/tmp", "/dev/shm", "/run/chaoslab/cgroup", "/sys/fs/cgroup"):
        if os.path.ismount(place):
            with contextlib.suppress(OSError):
                calls.call("umount2", place.encode(), _MNT_DETACH)
                return f"{place} taken away"
    raise Refused("none of them goes")


@attempt("mounts", open_to=ANYBODY)
def clones_a_tree_of_mounts() -> str:
    """open_tree(2): a copy of the tree, without what covers it."""
    return f"descriptor {calls.call('open_tree', _AT_FDCWD, b'/', _OPEN_TREE_CLONE | _AT_RECURSIVE)}"


@attempt("mounts", open_to=ANYBODY)
def opens_a_new_file_system() -> str:
    """fsopen(2), the first step of the other way to mount."""
    return f"a context for a tmpfs: descriptor {calls.call('fsopen', b'tmpfs', 0)}"


@attempt("mounts", open_to=ANYBODY)
def picks_a_file_system() -> str:
    """fspick(2), the first step of the other way to remount."""
    return f"a context of the one at /: descriptor {calls.call('fspick', _AT_FDCWD, b'/', 0)}"


@attempt("mounts", open_to=ANYBODY)
def moves_a_mount() -> str:
    """move_mount(2); the kernel asks for the right before it looks at the places."""
    return _let_through("move_mount", _AT_FDCWD, b"/nowhere", _AT_FDCWD, b"/nowhere", 0)


@attempt("mounts", open_to=ANYBODY)
def changes_the_root_of_all() -> str:
    """pivot_root(2), of places that are not there: the kernel asks for the right before it looks at them."""
    return _let_through("pivot_root", b"/nowhere", b"/nowhere")


def _let_through(name: str, *arguments: int | bytes) -> str:
    try:
        calls.call(name, *arguments)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
    return f"{name} is let through: it only misses the places"


@attempt("mounts", open_to=ANYBODY)
def covers_what_the_agent_reads() -> str:
    """A bind mount over the agent's files or the host's names, seen by the agent when mounts are shared."""
    Path("/tmp/escape-hosts").write_text("127.0.0.9 localhost\n")
    ctypes.set_errno(0)
    calls.mount("/tmp/escape-hosts", "/etc/hosts", None, calls.MS_BIND)
    calls.call("umount2", b"/etc/hosts", _MNT_DETACH)
    return "/etc/hosts was another file"
