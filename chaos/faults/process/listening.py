"""Who listens on TCP ports: the sockets that the kernel's tables show, and who holds a descriptor of them.

`/proc/net/tcp` and `tcp6` name the inode of each listening socket, `/proc/PID/fd` links to `socket:[INODE]` (proc(5)).
A socket that was inherited, as the workers of a server have it, is held by all of them.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h; the columns are those of proc_pid_net(5)


def sockets(port: int | None = None) -> frozenset[str]:
    """What links to sockets that listen on that port look like, of any port without one."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and port in (None, int(fields[1].rpartition(":")[2], 16)):
                    found.add(f"socket:[{fields[9]}]")
    return frozenset(found)


def holders(wanted: frozenset[str], pids: Iterable[int]) -> list[int]:
    """Those of `pids` that hold one of these sockets."""
    return [pid for pid in pids if wanted and not wanted.isdisjoint(_descriptors(pid))]


def _descriptors(pid: int) -> set[str]:
    found: set[str] = set()
    with suppress(OSError):
        for each in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.add(str(Path(each.path).readlink()))
    return found
