"""Use up the inodes of a disk: no new file can be made, though there are bytes free."""

import errno
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from chaos.errors import FaultError, InjectionError, RecoveryError
from chaos.faults.linux.mounts import Mount, mount_of, refuse_the_agents
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.dead_man import undone_by_death
from chaos.faults.support.fidelity import median_interval
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.faults.support.used_up import used_up

_ROUGH = 2
_FEWEST_LOOKS = 3
_MOST_FILES = 200_000
"""Files that are made at most where the number of inodes cannot be changed; more is refused."""
_MOST_LEFT = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class InodeExhaustion(Fault):
    """Leave exactly `leave` inodes on the disk that holds `path`: that many files can still be made there.

    It stays so: inodes that the app frees are taken again within 100 ms, those it uses of what was left are its own.
    On a tmpfs the limit itself is lowered, elsewhere empty files are made. The app's files are never touched.
    """

    type: Literal["inode_exhaustion"] = "inode_exhaustion"
    path: str = "/tmp"
    leave: int = 0
    """How many files can still be made."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"leave": 100},
        "medium": {"leave": 10},
        "high": {"leave": 0},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"mount"})

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"path must be absolute, such as /tmp, got {self.path!r}")
        if not 0 <= self.leave <= _MOST_LEFT:
            raise ValueError(f"leave must be between 0 and {_MOST_LEFT}, got {self.leave}")

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """No inode left, seen as ENOSPC, then `leave` of them, on enter; all of them again on exit."""
        try:
            mount = mount_of(self.path)
        except OSError as error:
            raise InjectionError(f"cannot use up the inodes of {self.path}: {error.strerror}") from error
        refuse_the_agents(self.path, target.work)
        with _taken(mount, self.path, target) as way:
            level = _Level(self.path, self.leave, way)
            level.begin()
            notes = {"took_inodes": way.taken, "full_ms": level.full_ms, "disk": mount.kind}
            yield Injection(way.name, "real", {"left_inodes": float(self.leave)}, level.look, notes=notes)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when, by the median, exactly `leave` inodes were left, bytes were free, and none left is ENOSPC."""
        left = [float(sample["left_inodes"]) for sample in samples]
        if len(left) < _FEWEST_LOOKS:
            why = f"inodes were counted {len(left)} times while they were taken; {_FEWEST_LOOKS} are needed"
            return Delivered({}, None, None, len(left), False, why)
        middle, low, high, effective = median_interval(left)
        answers = {str(sample["answer"]) for sample in samples if sample["answer"] is not None}
        least_bytes = min(int(sample["free_bytes"]) for sample in samples)
        why = f"median {middle:g} inodes left to the app, {self.leave} asked, exactly that wanted"
        why += f"; at least {least_bytes} B were free; without an inode a new file was answered {_names(answers)}"
        gone = unsteady(left, lambda each: each <= self.leave + _ROUGH)
        landed = middle == self.leave and least_bytes > 0 and answers <= {"ENOSPC"} and not gone
        return Delivered(
            {"left_inodes": middle}, low, high, len(left), landed, and_why(why, gone), effective=effective
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: looks at which the app had used up the inodes that were left to it."""
        looks = [sample for sample in samples if "free_inodes" in sample]
        return used_up(looks, "left_inodes", "free_inodes", self.leave, "inodes")


def _names(answers: set[str]) -> str:
    return ", ".join(sorted(answers)) or "(not tried: some were left)"


class _Way(Protocol):
    """How inodes are taken and given back."""

    name: str
    taken: int

    def leave(self, count: int) -> None:
        """Have that many unused ones from now on. Raises InjectionError."""


@contextmanager
def _taken(mount: Mount, folder: str, target: Target) -> Iterator[_Way]:
    """A lower limit where the file system has one that can be changed, else files."""
    limit = _Limit(mount, target, os.statvfs(folder).f_files)
    if mount.kind == "tmpfs" and limit.works():
        original = limit.command(limit.before)
        with undone_by_death(*original), target.undo(f"the inodes of {mount.point}", limit.restore):
            yield limit
        return
    files = _Files(folder)
    with undone_by_death("rm", "-rf", str(files.folder)), target.undo(f"{files.folder}", files.remove):
        files.make()
        yield files


class _Limit:
    """nr_inodes of a tmpfs (tmpfs(5)), changed while it is in use."""

    name = "remount-nr-inodes"

    def __init__(self, mount: Mount, target: Target, before: int) -> None:
        self._mount, self._target, self.before = mount, target, before
        self.taken = 0

    def command(self, count: int) -> list[str]:
        """What sets the limit to that many, used ones included."""
        return self._mount.remounted(f"nr_inodes={count}")

    def works(self) -> bool:
        """Whether it may be changed: tried with the present one."""
        if self.before == 0:
            return False  # a tmpfs without a limit takes none while it is in use
        try:
            self._target.run(*self.command(self.before))
        except FaultError:
            return False
        return True

    def leave(self, count: int) -> None:
        """See _Way. What is used may grow between look and change, and then the kernel refuses.

        So there is some room for that in the next one, until a limit is in force that it cannot outgrow.
        """
        room, why = 0, ""
        for _ in range(20):
            seen = os.statvfs(self._mount.point)
            exact = min(self.before, seen.f_files - seen.f_ffree + count)
            limit = min(self.before, exact + room)
            try:
                self._target.run(*self.command(limit))
            except FaultError as error:
                why, room = str(error), 2 * room + 1
                continue
            self.taken = self.before - limit
            if limit == exact:
                return
            room = 0
        raise InjectionError(
            f"cannot lower the inodes of {self._mount.point}: {why or 'files come and go there'}"
        )

    def restore(self) -> None:
        """The limit of before. Raises RecoveryError when it is not."""
        self._target.run(*self.command(self.before))
        if (now := os.statvfs(self._mount.point).f_files) != self.before:
            raise RecoveryError(f"{self._mount.point} has {now} inodes, not {self.before} as before")


class _Files:
    """Empty files in a folder of our own."""

    name = "empty-files"

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder, f".chaoslab-inodes-{os.urandom(6).hex()}")
        self.taken = 0
        self._opened = -1
        """The folder itself: its name may lead elsewhere by the time that files are made."""

    def make(self) -> None:
        """The folder, which takes one as well. Raises InjectionError when too many would have to be taken."""
        free = os.statvfs(self.folder.parent).f_ffree
        if free > _MOST_FILES:
            why = f"{free} inodes are free, and not more than {_MOST_FILES} files are made"
            raise InjectionError(f"cannot use up the inodes of {self.folder.parent}: {why}")
        try:
            self.folder.mkdir(0o700)
            self._opened = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise InjectionError(f"cannot make files in {self.folder.parent}: {error.strerror}") from error

    def leave(self, count: int) -> None:
        """See _Way."""
        free = _free(str(self.folder))
        try:
            for _ in range(free - count):
                how = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
                os.close(os.open(f"{self.taken}", how, 0o600, dir_fd=self._opened))
                self.taken += 1
            for _ in range(count - free):
                self.taken -= 1
                os.unlink(f"{self.taken}", dir_fd=self._opened)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise InjectionError(f"cannot use up the inodes: {error.strerror}") from error

    def remove(self) -> None:
        """All of it."""
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1
        if self.folder.exists():
            shutil.rmtree(self.folder)


class _Level:
    """Counts what is left, and takes again what was freed."""

    def __init__(self, folder: str, leave: int, way: _Way) -> None:
        self._folder, self._leave, self._way = folder, leave, way
        self.full_ms = 0.0
        self._used_at_least = 0

    def begin(self) -> None:
        """None left, seen as ENOSPC with bytes free; then `leave`. Raises InjectionError when it is not seen."""
        if _free(self._folder) < self._leave:
            raise InjectionError(
                f"{self._folder} had only {_free(self._folder)} inodes free, {self._leave} to leave"
            )
        began = time.monotonic()
        self._way.leave(0)
        answer, room = _try_to_make(self._folder), _free_bytes(self._folder)
        if self._leave:
            self._way.leave(self._leave)
        self.full_ms = round((time.monotonic() - began) * 1000, 3)
        if answer != "ENOSPC" or not room:
            raise InjectionError(f"without an inode a new file was answered {answer}, with {room} B free")
        self._used_at_least = self._theirs()

    def _theirs(self) -> int:
        """What others use, but for a constant."""
        return -_free(self._folder) - self._way.taken

    def look(self) -> dict[str, Any]:
        """Left is what is free and what the app has used since of what it was left."""
        free, theirs = _free(self._folder), self._theirs()
        self._used_at_least = min(self._used_at_least, theirs)
        left = free + theirs - self._used_at_least
        answer = _try_to_make(self._folder) if free == 0 else None
        if free > self._leave:
            self._way.leave(self._leave)
        return {
            "left_inodes": left,
            "free_inodes": free,
            "free_bytes": _free_bytes(self._folder),
            "answer": answer,
        }


def _free(folder: str) -> int:
    return os.statvfs(folder).f_ffree


def _free_bytes(folder: str) -> int:
    seen = os.statvfs(folder)
    return seen.f_bavail * seen.f_frsize


def _try_to_make(folder: str) -> str:
    """What a new file is answered with: an error's name, or `made`; then it is removed."""
    name = Path(folder, f".chaoslab-probe-{os.urandom(6).hex()}")
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    name.unlink()
    return "made"
