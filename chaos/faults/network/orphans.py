"""Half-open connections: an end here whose other end, also here, is gone without a word.

A refused or reset packet ends the asking end only; the answering end would wait for ever, and a dependency with a
thread a connection would choke on the fault's debris instead of on the fault.
"""

import errno
from collections.abc import Callable, Iterable

from chaos.faults.network.flows import Flow
from chaos.faults.network.nft import TCP
from chaos.faults.network.sockets import CLOSE_WAIT, ESTABLISHED, Socket, Sockets

_GONE = (errno.ENOENT, errno.ESTALE)


def orphans(sockets: Iterable[Socket], ours: Callable[[Flow], bool]) -> set[Flow]:
    """The flows, among `ours`, of open ends whose peer should be among `sockets` but is not. Pure."""
    everything = list(sockets)
    known = {socket.flow for socket in everything}
    return {
        socket.flow
        for socket in everything
        if socket.state in (ESTABLISHED, CLOSE_WAIT)
        and ours(socket.flow)
        and socket.flow.local
        and socket.flow.reversed not in known
    }


class Sweeper:
    """Ends connections of a dependency from its own end, so that both ends learn of it."""

    def __init__(self, ours: Callable[[Flow], bool]) -> None:
        self._sockets = Sockets()
        self._ours = ours
        self._suspects: set[Flow] = set()

    def can_end(self) -> bool:
        """Whether this kernel lets us end connections (CONFIG_INET_DIAG_DESTROY)."""
        return self._sockets.can_destroy()

    def end_all(self) -> int:
        """Reset every open connection of the dependency; how many."""
        found = self._sockets.all(TCP, 1 << ESTABLISHED | 1 << CLOSE_WAIT)
        return sum(self._end(socket) for socket in list(found) if self._ours(socket.flow))

    def sweep(self) -> int:
        """End what is orphaned now and was at the last sweep: the kernel's list is not one moment's picture."""
        everything = list(self._sockets.all(TCP))
        found = orphans(everything, self._ours)
        ended = sum(self._end(socket) for socket in everything if socket.flow in found & self._suspects)
        self._suspects = found
        return ended

    def _end(self, socket: Socket) -> bool:
        try:
            self._sockets.destroy(socket)
        except OSError as error:
            if error.errno in _GONE:
                return False
            raise
        return True
