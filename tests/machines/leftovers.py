"""What sandboxes left on a machine that has no others: control groups, mounts, processes of keepers and agents.

    python -m tests.machines.leftovers

prints them, whoever's they are; exit code 1 when there are any.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path


def left(within_s: float = 15.0, *, of_all: bool = False) -> list[str]:
    """What sandboxes of this user left, or those of all: control groups, mounts, processes of keepers and boxes."""
    deadline = time.monotonic() + within_s
    whose = None if of_all else us()
    while (found := [*groups(whose), *mounts(), *keepers(whose)]) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def us() -> int | None:
    """Whose they are: root's sandboxes have ids of their own for app and agent, so that there it is everybody's."""
    return os.geteuid() or None


def groups(whose: int | None) -> Iterator[str]:
    for place, names, _ in os.walk("/sys/fs/cgroup"):
        for path in (Path(place, name) for name in names if name.startswith("chaoslab-")):
            with contextlib.suppress(OSError):
                if whose in (None, path.stat().st_uid):
                    yield str(path)


def mounts() -> Iterator[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    yield from (line for line in lines if "chaoslab-" in line and " - hostfs " not in line)


def keepers(whose: int | None) -> Iterator[str]:
    for pid, words in processes(whose):
        if b"chaos.namespaces" in words or any(b"agent.pyz" in word for word in words):
            yield f"process {pid}: {b' '.join(words).decode(errors='replace')[:200]}"


def processes(whose: int | None) -> Iterator[tuple[int, list[bytes]]]:
    """Number and command line of those of a user, whoever may look into them (`Uid:` of proc(5), real)."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            uid = int((entry / "status").read_text().partition("\nUid:")[2].split()[0])
            if whose in (None, uid):
                yield int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")


if __name__ == "__main__":
    print("\n".join(remains := left(of_all=True)))
    sys.exit(1 if remains else 0)
