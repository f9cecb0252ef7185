"""Which flows the target's processes send: flow -> socket -> inode -> /proc/<pid>/fd."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from chaos.faults.network.flows import Flow
from chaos.faults.network.nft import TCP
from chaos.faults.network.sockets import LISTEN, Socket, Sockets

_FORGET_S = 30.0
"""A flow that was silent for so long is looked up again: its ports may belong to somebody else by now."""
_LISTENED_S = 1.0
"""For so long at most the ports that somebody listens on are believed."""
_MANY_FLOWS = 50_000


class Owners:
    """Answers per flow, cached; a flow that is not known has the sockets of the target looked up afresh.

    That is done while packets wait, so the dearest looks come last: most new connections are known by the port that
    somebody else answers on, or by a socket of a process that is known. Only else are new processes looked for.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._sockets = Sockets()
        self._pids = frozenset(pids)
        self._family: frozenset[int] = frozenset()
        self._inodes: frozenset[int] = frozenset()
        self._known: dict[Flow, tuple[bool, float]] = {}
        self.listening: frozenset[int] = frozenset()
        """TCP ports that the target listens on, declared or not."""
        self._others: frozenset[int] = frozenset()
        """TCP ports that only others listen on."""
        self._listened_at = 0.0
        self._refresh()

    def close(self) -> None:
        """Stop asking."""
        self._sockets.close()

    def update(self, pids: Iterable[int]) -> None:
        """Take the pids that the target has now. What was nobody's may be theirs, so it is asked again."""
        if frozenset(pids) != self._pids:
            self._pids = frozenset(pids)
            self._known = {flow: known for flow, known in self._known.items() if known[0]}
            self._refresh()

    def owns(self, flow: Flow) -> bool:
        """Whether a process of the target sends this flow. What none holds (yet) is its listener's, or nobody's."""
        now = time.monotonic()
        known = self._known.get(flow)
        if known is None or now - known[1] > _FORGET_S:
            socket = self._sockets.find(flow)
            if socket is None or socket.inode == 0:
                return known[0] if known is not None else self._listens(flow)
            known = (self._holds(socket), now)
            if len(self._known) > _MANY_FLOWS:
                self._known.clear()
        self._known[flow] = (known[0], now)
        return known[0]

    def _listens(self, flow: Flow) -> bool:
        return flow.protocol == TCP and flow.source_port in self.listening

    def _holds(self, socket: Socket) -> bool:
        if socket.inode not in self._inodes and not self._answered_by_others(socket.flow):
            self._inodes = self._held()
            if socket.inode not in self._inodes:
                self._refresh()
        return socket.inode in self._inodes

    def _answered_by_others(self, flow: Flow) -> bool:
        """Whether only others listen on the port that it comes from; the kernel gives such a port to no client."""
        if flow.protocol != TCP:
            return False
        ends = {flow.source_port, flow.destination_port}
        unheard_of = flow.local and not ends & (self.listening | self._others)
        if unheard_of or time.monotonic() - self._listened_at > _LISTENED_S:
            self._refresh()
        return flow.source_port in self._others

    def _refresh(self) -> None:
        self._family = frozenset(member for pid in self._pids for member in family_of(pid))
        self._inodes = self._held()
        listeners = list(self._sockets.all(TCP, 1 << LISTEN))
        self.listening = frozenset(s.flow.source_port for s in listeners if s.inode in self._inodes)
        self._others = frozenset(s.flow.source_port for s in listeners) - self.listening
        self._listened_at = time.monotonic()

    def _held(self) -> frozenset[int]:
        return frozenset(inode for pid in self._family for inode in socket_inodes(pid))


def family_of(pid: int) -> Iterator[int]:
    """That process and its descendants (proc(5), `children` needs CONFIG_PROC_CHILDREN)."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return
    for child in children.split():
        yield from family_of(int(child))


def socket_inodes(pid: int) -> Iterator[int]:
    """The inodes of the sockets that a process has open (proc(5), /proc/pid/fd)."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 - thrice as fast as pathlib, and called often
    except OSError:  # it has ended
        return
    for name in names:
        try:
            target = os.readlink(f"{folder}/{name}")  # noqa: PTH115 - the same
        except OSError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            yield int(target[8:-1])
