"""Show another text where a file is, and afterwards the file again, exactly.

By a bind mount, which leaves the file itself untouched; where this sandbox may not mount, by rewriting the file in
place when it can be written.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from chaos.errors import FaultError, InjectionError
from chaos.faults.base import Target

_MS_BIND = 4096
_MNT_DETACH = 2


@contextlib.contextmanager
def covered(target: Target, path: Path, text: str) -> Iterator[str]:
    """Everybody in the sandbox reads `text` at `path`; yields how: `bind-mount` or `rewrite`."""
    place = path.resolve()
    other = target.work / f"covered-{place.name}"
    other.write_text(text)
    other.chmod(0o644)
    try:
        _mount(target, other, place)
    except FaultError as refused:
        with _rewritten(target, place, text, str(refused)):
            yield "rewrite"
        return
    with target.undo(f"the mount on {place}", lambda: _unmount(target, place)):
        yield "bind-mount"


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
        import ctypes
    except ImportError:
        _program(target, "umount", "--lazy", str(place))
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(place), _MNT_DETACH):
        raise FaultError(f"unmount {place}: {os.strerror(ctypes.get_errno())}")


def _program(target: Target, name: str, *arguments: str) -> None:
    if shutil.which(name) is None:
        raise FaultError(f"neither ctypes nor {name}(8) is here")
    target.run(name, *arguments)


@contextlib.contextmanager
def _rewritten(target: Target, place: Path, text: str, refused: str) -> Iterator[None]:
    """The same inode with other content, so that nobody holds on to the old one; its times are restored too."""
    before = place.stat()
    original = place.read_bytes()

    def restore() -> None:
        _write(place, original)
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))

    if not os.access(place, os.W_OK):
        raise InjectionError(f"{place} can neither be covered ({refused}) nor written")
    with target.undo(f"the text of {place}", restore):
        _write(place, text.encode())
        yield


def _write(place: Path, content: bytes) -> None:
    with place.open("r+b") as file:
        file.write(content)
        file.truncate()
