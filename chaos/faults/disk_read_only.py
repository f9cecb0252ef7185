"""Make a disk read-only while the app runs, as a kernel does that has met an error on it."""

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from chaos.errors import FaultError, InjectionError, RecoveryError
from chaos.faults.linux.mounts import Mount, View, all_mounts, holding, is_below
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.dead_man import in_turn, undone_by_death
from chaos.faults.support.fidelity import share_interval
from chaos.faults.support.writers import open_for_writing, standing_in

_TRIES = 5
"""A file that is written now and then may be open when the kernel looks, and closed when we do."""
_NOT_DISKS = ("/proc", "/sys", "/dev", "/run")
"""Where the system and the agent live; never made read-only along with other places."""


@dataclass(frozen=True, kw_only=True)
class DiskReadOnly(Fault):
    """Refuse every write (EROFS) on the disk that holds `path`; `below` also on every disk mounted below it.

    The kernel remounts no disk on which a file is open for writing. Then the disk is covered with a read-only view
    of itself: whoever opens a path is refused, but those open files, and relative paths of a process that stands
    there, still reach the disk beneath. The result names them.
    """

    mechanisms = ("remount", "read-only-cover")

    type: Literal["disk_read_only"] = "disk_read_only"
    path: str = "/tmp"
    below: bool = False
    """Also every writable disk mounted below `path`; never /dev, /proc, /run, /sys."""
    open_files: Literal["keep", "refuse"] = "keep"
    """What to do when files are open for writing there: keep those writable, or do not inject."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"path": "/app"},
        "medium": {"path": "/tmp"},
        "high": {"path": "/", "below": True},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"mount"})

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"path must be absolute, such as /tmp, got {self.path!r}")
        if self.open_files not in ("keep", "refuse"):
            raise ValueError(f"open_files must be keep or refuse, got {self.open_files!r}")

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """Read-only, and seen to be, on enter; written to again on exit."""
        disks = [_Disk(mount, target) for mount in self._mounts(target.view)]
        own = holding(str(target.work), [disk.mount for disk in disks] + all_mounts()[:1])
        if target.view.of is None and any(disk.mount == own for disk in disks):
            raise InjectionError(f"{own.point} is where the agent itself writes; choose another path")
        try:
            with ExitStack() as stack:
                for disk in disks:
                    stack.enter_context(disk.read_only(self.open_files))
                look = _Look(disks)
                if refused := look.accepted():
                    raise InjectionError(f"{', '.join(refused)} can still be written after its remount")
                ways = dict.fromkeys(disk.way for disk in disks)
                yield Injection("+".join(ways), "real", {"refused_percent": 100.0}, look, notes=look.notes())
        finally:
            for disk in disks:
                disk.must_be_writable()

    def _mounts(self, view: View) -> list[Mount]:
        """Those to change. Raises InjectionError when there is none that could be written before."""
        try:
            place = str(Path(self.path).resolve(strict=True))
        except OSError as error:
            raise InjectionError(f"cannot make {self.path} read-only: {error.strerror}") from error
        mounts = view.mounts()
        at = holding(place, mounts)
        chosen = [at]
        if self.below:
            places = {mount.point for mount in mounts if is_below(mount.point, at.point)}
            places = {place for place in places if not any(is_below(place, no) for no in _NOT_DISKS)}
            chosen = [holding(each, mounts) for each in sorted(places)]
        writable = [mount for mount in chosen if not mount.read_only and _seen(view, mount.point).is_dir()]
        if not writable:
            raise InjectionError(f"{self.path} is read-only already (on {at.point})")
        return writable

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when every write that was tried while it was held was refused with EROFS."""
        tries = [answer for sample in samples for answer in sample["tried"].values()]
        if not tries:
            return Delivered({}, None, None, 0, False, "no write was tried while the disk was read-only")
        refused = tries.count("EROFS")
        share, low, high = share_interval(refused, len(tries))
        why = f"{refused} of {len(tries)} writes tried from the side were refused with EROFS, all asked"
        spared = dict.fromkeys(name for sample in samples for name in sample["spared"])
        if spared:
            why += f"; still writable, because open since before: {', '.join(list(spared)[:3])}"
        values: dict[str, float | str] = {"refused_percent": round(share * 100, 3)}
        return Delivered(values, low * 100, high * 100, len(tries), refused == len(tries), why)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: an open or a write that is refused with EROFS leaves no trace."""
        return Met.unmeasured("a write that is refused leaves no trace in the kernel")


class _Disk:
    """One mount, and the way in which it became read-only."""

    def __init__(self, mount: Mount, target: Target) -> None:
        self.mount = mount
        self._target = target
        self.way = "remount"

    @contextmanager
    def read_only(self, open_files: str) -> Iterator[None]:
        """Remounted, or covered when files are open for writing there."""
        mount, target = self.mount, self._target
        protect = target.view.command(mount.remounted("bind", "ro", without=["rw"]))
        release = target.view.command(mount.remounted("bind"))
        with (
            undone_by_death(*release),
            target.undo(f"read-only {mount.point}", lambda: _run(target, release)),
        ):
            if self._remounted(protect):
                yield
                return
        with self._covered(open_files, protect, release):
            yield

    def _remounted(self, protect: Sequence[str]) -> bool:
        """Whether the kernel did: not while a file is open for writing there. Raises InjectionError."""
        refused = ""
        for _ in range(_TRIES):
            try:
                self._target.run(*protect)
            except FaultError as error:
                if self._writers():
                    return False
                refused = str(error)
            else:
                return True
        raise InjectionError(f"cannot remount {self.mount.point} read-only: {refused}")

    @contextmanager
    def _covered(self, open_files: str, protect: Sequence[str], release: Sequence[str]) -> Iterator[None]:
        writers, target, point = self._writers(), self._target, self.mount.point
        if open_files == "refuse":
            raise InjectionError(f"{point} cannot be remounted, open for writing: {', '.join(writers[:5])}")
        self.way = "read-only-cover"
        # Writable first: whoever has moved into the cover stays in it when it is detached.
        away = [list(release), target.view.detached(point)]
        _run(target, target.view.command(["mount", "--rbind", point, point]))
        with (
            undone_by_death(*in_turn(away)),
            target.undo(f"the cover of {point}", lambda: _all(target, away)),
        ):
            _run(target, protect)
            yield

    def _writers(self) -> list[str]:
        return open_for_writing(self.mount.id, _everybody())

    def spared(self) -> list[str]:
        """Whom the cover does not reach: open files, and who stands there. Nobody when it is remounted."""
        if self.way == "remount":
            return []
        standing = standing_in(self.mount.point, self._target.pids())
        return [*self._writers(), *(f"relative paths of pid {pid}" for pid in standing)]

    def try_to_write(self) -> str:
        """What a new file there is answered with: EROFS, `written`, or another error's name."""
        name = _seen(self._target.view, self.mount.point) / f".chaoslab-probe-{os.urandom(6).hex()}"
        try:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error.errno))
        name.unlink()
        return "written"

    def must_be_writable(self) -> None:
        """Raise RecoveryError when writes are still refused."""
        if (answer := self.try_to_write()) == "EROFS":
            raise RecoveryError(f"{self.mount.point} is still read-only ({answer})")


class _Look:
    """The side-band: a write is tried on each disk."""

    def __init__(self, disks: Sequence[_Disk]) -> None:
        self._disks = disks

    def __call__(self) -> dict[str, Any]:
        """One try each, and who is spared."""
        spared = [name for disk in self._disks for name in disk.spared()]
        return {"tried": {disk.mount.point: disk.try_to_write() for disk in self._disks}, "spared": spared}

    def accepted(self) -> list[str]:
        """The disks that do not answer EROFS."""
        return [disk.mount.point for disk in self._disks if disk.try_to_write() != "EROFS"]

    def notes(self) -> dict[str, Any]:
        """How, where, and who is not reached."""
        disks = {disk.mount.point: disk.way for disk in self._disks}
        return {"disks": disks, "spared": [name for disk in self._disks for name in disk.spared()]}


def _seen(view: View, place: str) -> Path:
    """A place of the app's, as we reach it."""
    return view.root / place.lstrip("/")


def _everybody() -> list[int]:
    return [int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit()]


def _run(target: Target, command: Sequence[str]) -> None:
    target.run(*command)


def _all(target: Target, commands: Sequence[Sequence[str]]) -> None:
    for command in commands:
        target.run(*command)
