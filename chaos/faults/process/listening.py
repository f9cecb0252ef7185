"""Who listens on TCP ports: the sockets that the kernel's tables show, and who holds a descriptor of them.

The kernel names the inode of each listening socket (sock_diag(7)), `/proc/PID/fd` links to `socket:[INODE]` (proc(5)).
A socket that was inherited, as the workers of a server have it, is held by all of them.
"""

import os
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

from chaos.faults.network.nft import TCP
from chaos.faults.network.sockets import LISTEN, Sockets


def sockets(port: int | None = None) -> frozenset[str]:
    """What links to sockets that listen on that port look like, of any port without one."""
    with closing(Sockets()) as asked:
        found = asked.all(TCP, 1 << LISTEN)
        return frozenset(f"socket:[{each.inode}]" for each in found if port in (None, each.flow.source_port))


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
