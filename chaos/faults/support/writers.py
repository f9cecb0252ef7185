"""Who holds a file open for writing on a mount, or stands in it: whom a later change of the mount does not reach."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from chaos.faults.linux.mounts import is_below

_PROC = Path("/proc")


def open_for_writing(mount_id: int, pids: Iterable[int]) -> list[str]:
    """`path (pid)` of every such open file; what belongs to others than us cannot be seen, and is left out."""
    return sorted({found for pid in pids for found in _files_of(pid, mount_id)})


def _files_of(pid: int, mount_id: int) -> Iterator[str]:
    process = _PROC / str(pid)
    try:
        descriptors = list((process / "fdinfo").iterdir())
    except OSError:
        return
    for descriptor in descriptors:
        try:
            facts = dict(_pairs(descriptor.read_text()))
            path = (process / "fd" / descriptor.name).readlink()
        except OSError:
            continue  # closed meanwhile
        writable = int(facts["flags"], 8) & os.O_ACCMODE != os.O_RDONLY
        if writable and int(facts["mnt_id"]) == mount_id:
            yield f"{path} ({pid})"


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        yield name, value.strip()


def standing_in(folder: str, pids: Iterable[int]) -> list[int]:
    """The pids whose working directory is `folder` or below: their relative paths begin there."""
    found = []
    for pid in pids:
        try:
            place = str((_PROC / str(pid) / "cwd").readlink())
        except OSError:
            continue
        if is_below(place, folder):
            found.append(pid)
    return found
