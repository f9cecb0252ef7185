"""How many tasks (processes and threads) may live: a canary that forks, and a limit by user where no group has one."""

import errno
import os
import resource
import signal
from pathlib import Path
from typing import Any

from chaos.errors import FaultError
from chaos.faults.process.restraint import Book, restrain
from chaos.faults.process.tree import family
from chaos.faults.support.channel import receive, send

_CHILD_LIVES_S = 2


def canary() -> None:
    """Helper inside the app's control group: on {"forks": n} try so many at a time; how many, and why no more."""
    send({"ready": True})
    while (order := receive()) is not None:
        made, why = forks(int(order["forks"]))
        send({"forks": made, "error": why})


def forks(most: int) -> tuple[int, str]:
    """How many children could be forked at the same time, and the error's name that ended it; all end at once."""
    children: list[int] = []
    why = ""
    try:
        while len(children) < most:
            child = os.fork()
            if child == 0:
                signal.alarm(_CHILD_LIVES_S)  # in case we are killed before we can end it
                signal.pause()
                os._exit(0)
            children.append(child)
    except OSError as error:
        why = errno.errorcode.get(error.errno or 0, str(error.errno))
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return len(children), why


def crowd(roots: list[int], leave: int) -> None:
    """Helper: limit the user's tasks, for the app's processes only, until the channel ends or says `end`."""
    least = 2**31

    def tighten(book: Book) -> dict[str, Any]:
        nonlocal least
        total, app = _tasks(None), _tasks([process.pid for process in family(roots)])
        least = min(least, app)
        in_force = _impose(book, roots, total - app + least + leave)
        free = max(0, in_force - _tasks(None))
        sample: dict[str, Any] = {"left_tasks": free + app - least, "tasks": app, "free": free}
        return sample if free else {**sample, "canary": _try_under(in_force)}

    restrain(resource.RLIMIT_NPROC, roots, tighten)


crowd.outlives_agent = True  # type: ignore[attr-defined]


def _impose(book: Book, roots: list[int], limit: int) -> int:
    """Give everybody that limit; the one that is in force."""
    entries = book.entries_of(roots)
    for entry in entries:
        book.impose(entry, limit)
    return max((book.in_force(entry) for entry in entries), default=limit)


def _try_under(limit: int) -> str:
    """Try one fork under the same limit: the error's name. Raises FaultError when the kernel exempts this user."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, hard))
    try:
        made, why = forks(1)
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    if made and _tasks(None) >= limit:
        raise FaultError(
            "the kernel exempts this user from the limit on processes (setrlimit(2)), and no group has one"
        )
    return why or "none"


def _tasks(pids: list[int] | None) -> int:
    """Threads of those processes, or of every process of this user in this user namespace: what the kernel counts."""
    if pids is not None:
        return sum(_threads(Path(f"/proc/{pid}")) for pid in pids)
    own = Path("/proc/self")
    mine = (_link(own), own.stat().st_uid)
    places = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    return sum(_threads(path) for path in places if _owner(path) == mine)


def _owner(place: Path) -> tuple[str, int]:
    try:
        return _link(place), place.stat().st_uid
    except OSError:
        return "", -1


def _link(place: Path) -> str:
    try:
        return str((place / "ns" / "user").readlink())
    except OSError:
        return ""


def _threads(place: Path) -> int:
    try:
        return sum(1 for _ in (place / "task").iterdir())
    except OSError:
        return 0
