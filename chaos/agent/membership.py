"""Which control group a process is in, as the kernel says it: /proc/PID/cgroup against /proc/self/mountinfo.

Both are relative to the reader's control group namespace (cgroup_namespaces(7)), so that they can be compared.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from chaos.agent.record import Record
from chaos.errors import TargetError

_LOOK_EVERY_S = 1.0
_SECOND_LOOK_S = 0.3
"""Who is just being started may not have joined yet; that takes no longer."""
_UNIFIED = "unified"


def place_of(group: Path) -> str:
    """The path of that directory in its hierarchy, such as `/app`; empty when it is on no control group mount."""
    real = str(group.resolve())
    best, place = "", ""
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        root, point = (_plain(word) for word in before.split()[3:5])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # a later mount at the same place covers the earlier one
            best = point
            below = os.path.relpath(real, point)
            place = os.path.normpath(str(Path(root, below))) if after.startswith("cgroup") else ""
    return place


def _plain(word: str) -> str:
    """Without the octal escapes of proc(5)."""
    return word.encode().decode("unicode_escape") if "\\" in word else word


def outside(pids: Iterable[int], places: Mapping[str, str]) -> list[int]:
    """Those of the live `pids` that are not at, or below, the place in each hierarchy: name of a controller -> path."""
    return [pid for pid in pids if not _is_inside(pid, places)]


def _is_inside(pid: int, places: Mapping[str, str]) -> bool:
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return True  # it has ended
    at = {}
    for line in lines:
        number, names, path = line.split(":", 2)
        at.update(dict.fromkeys([_UNIFIED] if number == "0" else names.split(","), path))
    if all(_below(at.get(name, ""), place) for name, place in places.items()):
        return True
    return not _lives(pid)  # one that is ending has left its groups already


def _below(path: str, place: str) -> bool:
    return bool(place) and (path == place or path.startswith(place.rstrip("/") + "/"))


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="surrogateescape").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


class Watch:
    """Looks whether the app's processes are where their limits hold: `outside` gives those that are not, now."""

    def __init__(self, outside: Callable[[], Sequence[int]], record: Record) -> None:
        self._outside = outside
        self._record = record
        self._told: set[int] = set()

    async def prove(self) -> None:
        """The app is up: all of it is in its groups. Raises TargetError."""
        if away := await self._away():
            raise TargetError(
                f"{len(away)} of the app's processes are not in its control group (pid {_list(away)}): "
                "its limits do not hold for them"
            )

    async def forever(self) -> None:
        """Once a second until cancelled; `limits.escaped` for every process that is found outside."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if new := set(await self._away()) - self._told:
                self._told |= new
                self._record.emit("limits.escaped", pids=sorted(new), processes=len(new))

    async def _away(self) -> list[int]:
        first = set(self._outside())
        if not first:
            return []
        await asyncio.sleep(_SECOND_LOOK_S)
        return sorted(first & set(self._outside()))


def _list(pids: Sequence[int]) -> str:
    return ", ".join(str(pid) for pid in pids[:5])
