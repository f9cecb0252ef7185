"""Which mount holds a path, as the kernel says it: mountinfo of proc(5)."""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from chaos.errors import InjectionError

_MOUNTINFO = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
_ENTER = """
import ctypes, os, sys
if ctypes.CDLL(None, use_errno=True).setns(os.open(sys.argv[1], os.O_RDONLY | os.O_CLOEXEC), 0):
    sys.exit(f"cannot enter the app's mounts: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""As nsenter(1) does, which not every image has."""
_DETACH = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
there, mnt_detach = os.open(sys.argv[1], os.O_RDONLY | os.O_CLOEXEC), 2
if libc.setns(there, 0) or libc.umount2(os.fsencode(sys.argv[2]), mnt_detach):
    sys.exit(f"cannot detach it from the app's mounts: {os.strerror(ctypes.get_errno())}")
"""
_AGENTS = ("/run", "/var/run", "/proc")
WITHOUT_A_DEVICE = ("tmpfs", "ramfs", "devtmpfs")
"""Kinds of file systems that live in memory: nothing of them is ever written to a device."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo."""

    id: int
    device: str
    """`major:minor` of its file system."""
    point: str
    options: tuple[str, ...]
    """Of this mount, not of the file system: rw, nosuid, relatime, …"""
    kind: str

    @property
    def read_only(self) -> bool:
        """Whether this mount refuses writes."""
        return "ro" in self.options

    @property
    def in_memory(self) -> bool:
        """Whether there is no device behind it."""
        return self.kind in WITHOUT_A_DEVICE

    def remounted(self, *more: str, without: Sequence[str] = ()) -> list[str]:
        """A command that mounts it again with its own options and `more`; what is not repeated is taken away.

        mount(8) would add the file system's own options from mountinfo, and in a user namespace the kernel refuses
        some of those (uid=), though they say nothing new: hence `ignore`.
        """
        kept = [option for option in self.options if option not in without]
        return ["mount", "--options-mode", "ignore", "-o", ",".join(["remount", *kept, *more]), self.point]


def read(text: str) -> list[Mount]:
    """Every mount of a mountinfo text, in the order in which they were made. Pure."""
    return [
        _read_line(line) for line in text.split("\n") if line
    ]  # no other character ends a line, nor a field


def _read_line(line: str) -> Mount:
    fields, _, source = line.partition(" - ")
    number, _parent, device, _root, point, options = fields.split(" ")[:6]
    return Mount(int(number), device, _plain(point), tuple(options.split(",")), source.split(" ")[0])


def _plain(text: str) -> str:
    """Blanks and backslashes are written as octal numbers."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)


def all_mounts() -> list[Mount]:
    """Those of this process's mount namespace."""
    return read(_MOUNTINFO.read_text(errors="surrogateescape"))


@dataclass(frozen=True, slots=True)
class View:
    """The file tree as the app sees it: its own where it has one, else ours.

    What is mounted in ours appears in its own, too; options of a mount that is in both are changed in one only.
    """

    of: int | None = None
    """A process that has the app's mounts; None when they are ours."""

    @property
    def root(self) -> Path:
        """Where its root directory is, for us."""
        return Path("/" if self.of is None else f"/proc/{self.of}/root")

    def mounts(self) -> list[Mount]:
        """Its mounts, in the order in which they were made. Raises OSError."""
        return read(Path(f"/proc/{self.of or 'self'}/mountinfo").read_text(errors="surrogateescape"))

    def command(self, argv: Sequence[str]) -> list[str]:
        """A command that sees, and changes, its mounts."""
        if self.of is None:
            return list(argv)
        return [sys.executable, "-I", "-S", "-c", _ENTER, f"/proc/{self.of}/ns/mnt", *argv]

    def detached(self, point: str) -> list[str]:
        """A command that takes the last mount on `point` away there, also while it is used.

        umount(8) looks for itself in /proc when it is not root, and the app's has only the app's processes.
        """
        if self.of is None:
            return ["umount", "--lazy", point]
        return [sys.executable, "-I", "-S", "-c", _DETACH, f"/proc/{self.of}/ns/mnt", point]


def holding(path: str, mounts: Sequence[Mount]) -> Mount:
    """The one that `path` (without symbolic links) lies on: the deepest, and of several there the last. Pure."""
    on = [mount for mount in mounts if is_below(path, mount.point)]
    return max(enumerate(on), key=lambda each: (len(each[1].point), each[0]))[1]


def mount_of(path: str) -> Mount:
    """The mount that holds `path` now. Raises OSError when there is no such path."""
    return holding(str(Path(path).resolve(strict=True)), all_mounts())


def is_the_agents(path: str) -> bool:
    """Whether it names the disk that the agent writes its journal to, or a way there, in any sandbox. Pure.

    /proc has a way to every disk (`/proc/self/root`, `/proc/self/cwd`); /var/run is a link to /run in most systems.
    """
    place = "/" + normpath(path).lstrip("/")
    return any(is_below(place, folder) for folder in _AGENTS)


def refuse_the_agents(path: str, work: Path, descriptor: int | None = None) -> None:
    """The same of what `path` leads to now, through whatever links. Raises InjectionError, and OSError without it.

    Of a file that was opened there, `descriptor` tells for sure: the app may have changed a link since.
    """
    seen = Path(path).stat() if descriptor is None else os.fstat(descriptor)
    if seen.st_dev == work.stat().st_dev:
        raise InjectionError(f"{path} is on the disk that the agent itself writes to; choose another path")


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or somewhere in it. Pure."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
