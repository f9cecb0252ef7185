"""Show another text where a file is, and afterwards the file again, exactly.

By a bind mount, which leaves the file itself untouched; where this sandbox may not mount, by rewriting the file in
place when it can be written. Nothing in the kernel takes a mount away with its maker, so a process that outlives the
agent can be told of a cover (`as_json`) and `uncover` it.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from chaos.errors import FaultError, InjectionError
from chaos.faults.support.base import Target

_MS_BIND = 4096
_MNT_DETACH = 2


@dataclass(frozen=True)
class Cover:
    """A file that shows another text."""

    place: str
    how: str
    """`bind-mount` or `rewrite`."""
    original: str
    """Where a copy of a rewritten file is."""

    def as_json(self) -> dict[str, str]:
        """What goes to a helper."""
        return asdict(self)


@contextlib.contextmanager
def covered(target: Target, path: Path, text: str) -> Iterator[str]:
    """Everybody in the sandbox reads `text` at `path`; yields how: `bind-mount` or `rewrite`."""
    with cover(target, path, text) as made:
        yield made.how


@contextlib.contextmanager
def cover(target: Target, path: Path, text: str) -> Iterator[Cover]:
    """The same; yields all that is needed to take it away."""
    place = path.resolve()
    other, original = target.work / f"covered-{place.name}", target.work / f"original-{place.name}"
    other.write_text(text)
    other.chmod(0o644)
    try:
        _mount(target, other, place)
    except FaultError as refused:
        with _rewritten(target, place, original, text, str(refused)):
            yield Cover(str(place), "rewrite", str(original))
        return
    with target.undo(f"the mount on {place}", lambda: _unmount(target, place)):
        yield Cover(str(place), "bind-mount", str(original))


def uncover(made: Mapping[str, str]) -> None:
    """Take a `Cover` (as JSON) away from outside of its context, in whose stead this happens."""
    place = Path(made["place"])
    if made["how"] == "bind-mount":
        _libc_unmount(place)
    else:
        _restore(place, Path(made["original"]))


def _mount(target: Target, source: Path, place: Path) -> None:
    """mount(2) through libc, or through mount(8) in a Python without ctypes."""
    try:
        import ctypes
    except ImportError:
        _program(target, "mount", "--bind", str(source), str(place))
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(os.fsencode(source), os.fsencode(place), None, ctypes.c_ulong(_MS_BIND), None):
        raise FaultError(f"mount on {place}: {os.strerror(ctypes.get_errno())}")


def _unmount(target: Target, place: Path) -> None:
    try:
        _libc_unmount(place)
    except ImportError:
        _program(target, "umount", "--lazy", str(place))


def _libc_unmount(place: Path) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(place), _MNT_DETACH):
        raise FaultError(f"unmount {place}: {os.strerror(ctypes.get_errno())}")


def _program(target: Target, name: str, *arguments: str) -> None:
    if shutil.which(name) is None:
        raise FaultError(f"neither ctypes nor {name}(8) is here")
    target.run(name, *arguments)


@contextlib.contextmanager
def _rewritten(target: Target, place: Path, original: Path, text: str, refused: str) -> Iterator[None]:
    """The same inode with other content, so that nobody holds on to the old one; its times are restored too."""
    if not os.access(place, os.W_OK):
        raise InjectionError(f"{place} can neither be covered ({refused}) nor written")
    shutil.copy2(place, original)
    with target.undo(f"the text of {place}", lambda: _restore(place, original)):
        _write(place, text.encode())
        yield


def _restore(place: Path, original: Path) -> None:
    before = original.stat()
    _write(place, original.read_bytes())
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))


def _write(place: Path, content: bytes) -> None:
    with place.open("r+b") as file:
        file.write(content)
        file.truncate()
