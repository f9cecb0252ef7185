"""What a hostile app knows of the places around it: the agent's folder, the processes that are not its own."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from .core import Refused

AGENT = Path("/run/chaoslab")
ORDER, JOURNAL, LEASE, STOP = AGENT / "order.json", AGENT / "journal.ndjson", AGENT / "lease", AGENT / "stop"
OURS = b"attempts"
"""In the command line of every process of this app."""
GUESSED_PIDS = range(2, 1500)
_STAYS_S = 3.0
_KNOWN: set[tuple[int, bytes]] = set()
"""Strangers that have stayed; kept by forks."""


def canary() -> dict[str, str]:
    """What the test has put outside, by name; a real attacker would have to find it."""
    found: dict[str, str] = json.loads(os.environ.get("CANARY", "{}"))
    return found


def command_line(pid: int) -> bytes:
    """Empty for a zombie, a kernel thread, or a process that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def visible() -> list[int]:
    """Every process in this /proc."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def strangers() -> list[int]:
    """Visible processes that run and are not the app's, PID 1 aside. Raises Refused when there is none.

    A process of the app that is just being started may look for a moment like who starts it: only what stays so for
    three seconds is a stranger (`by_stopping_what_is_being_started` in `aside` is about that moment).
    """
    since: dict[tuple[int, bytes], float] = {}
    while found := _candidates():
        now = time.monotonic()
        since = {each: since.get(each, now) for each in found}
        _KNOWN.update(each for each, first in since.items() if now - first > _STAYS_S)
        if found <= _KNOWN:
            break
        time.sleep(0.01)
    if not found:
        raise Refused(f"no process but the app's own among {len(visible())}")
    return sorted(pid for pid, _ in found)


def _candidates() -> set[tuple[int, bytes]]:
    lines = ((pid, command_line(pid)) for pid in visible() if pid != 1)
    return {(pid, line) for pid, line in lines if line and OURS not in line}


def guessed() -> Iterator[int]:
    """Numbers of processes that /proc does not show."""
    shown = set(visible())
    return (pid for pid in GUESSED_PIDS if pid not in shown)


def first(doing: "Iterator[str]", nothing: str) -> str:
    """The first thing that was reached. Raises Refused with `nothing`."""
    for said in doing:
        return said
    raise Refused(nothing)


def opened(path: Path | str, flags: int) -> str:
    """Open it and say so. Raises OSError."""
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        some = os.read(descriptor, 80) if flags & os.O_ACCMODE != os.O_WRONLY else b""
    except OSError:
        some = b""
    finally:
        os.close(descriptor)
    way = {os.O_RDONLY: "reading", os.O_WRONLY: "writing", os.O_RDWR: "reading and writing"}[
        flags & os.O_ACCMODE
    ]
    return f"{path} opened for {way}" + (f": {some!r}" if some else "")
