"""Who asks a server of ours: how often processes of the app did, by the sockets that the questions come from."""

import socket
import threading
from collections.abc import Sequence

from chaos.faults.network.flows import Flow
from chaos.faults.network.owners import family_of, socket_inodes
from chaos.faults.network.sockets import Sockets


class Askers:
    """Counts questions of the app's processes, whoever else asks. Safe in threads.

    A socket that has asked is open until it is answered, so whose it is can be seen as long as it waits.
    """

    def __init__(self, pids: Sequence[int], port: int) -> None:
        self._pids, self._port = list(pids), port
        self._lock = threading.Lock()
        self._asked = 0

    def update(self, pids: Sequence[int]) -> None:
        """Take the pids that the app has now."""
        self._pids = list(pids)

    def note(self, protocol: int, client: tuple[str, int], server: str) -> None:
        """A question came from there; to be called before it is answered."""
        asking = Flow(protocol, socket.inet_aton(client[0]), client[1], socket.inet_aton(server), self._port)
        inode = _inode(asking)
        if inode and any(inode in socket_inodes(pid) for root in self._pids for pid in family_of(root)):
            with self._lock:
                self._asked += 1

    def count(self) -> int:
        """Questions of the app so far."""
        return self._asked


def _inode(asking: Flow) -> int:
    """Of the socket that asks; 0 when it has gone."""
    sockets = Sockets()
    try:
        found = sockets.find(asking)
    finally:
        sockets.close()
    return found.inode if found else 0
