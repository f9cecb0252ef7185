"""The sockets of this network namespace, one by one or all (sock_diag(7), <linux/inet_diag.h>).

One exact question takes about 10 us; reading /proc/net/tcp walks the whole machine's hash table,
milliseconds.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from chaos.faults.net.flows import Flow
from chaos.faults.net.netlink import DUMP, SOCK_DIAG, Netlink

LISTEN, ESTABLISHED, CLOSE_WAIT = 10, 1, 8  # <net/tcp_states.h>
ANY = 0xFFFFFFFF

_BY_FAMILY, _DESTROY = 20, 21
_REQUEST = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states; then the id
_ID = struct.Struct("!HH16s16s")  # ports and addresses; then interface and cookie in host order
_NO_COOKIE = struct.pack("=III", 0, ANY, ANY)
_ANSWER = struct.Struct("=BBBB")  # family, state, timer, retransmissions; then the id (48 bytes), then:
_TAIL = struct.Struct("=IIIII")  # expires, queue in, queue out, uid, inode
_ID_SIZE = 48
_MAPPED = b"\0" * 10 + b"\xff\xff"


@dataclass(frozen=True)
class Socket:
    """One end of a conversation: `flow` runs from this end to the other."""

    flow: Flow
    state: int
    inode: int
    """0 once no process holds it."""


class Sockets:
    """Questions to the kernel about sockets."""

    def __init__(self) -> None:
        self._netlink = Netlink(SOCK_DIAG)

    def close(self) -> None:
        self._netlink.close()

    def find(self, flow: Flow) -> Socket | None:
        """The socket that sends this flow; None when there is none (any more)."""
        try:
            answers = self._netlink.ask(_BY_FAMILY, _question(flow, ANY))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE):
                return None
            raise
        return _read(answers[0], flow.protocol) if answers else None

    def all(self, protocol: int, states: int = ANY) -> Iterator[Socket]:
        """Every socket in one of the states (a mask of 1 << state), IPv4 then IPv6."""
        for address in (b"\0" * 4, b"\0" * 16):
            anything = Flow(protocol, address, 0, address, 0)
            for answer in self._netlink.ask(_BY_FAMILY, _question(anything, states), DUMP):
                yield _read(answer, protocol)

    def destroy(self, flow: Flow) -> None:
        """Abort the connection from its end that sends `flow`: that end sees ECONNABORTED, the other a reset.

        Needs CONFIG_INET_DIAG_DESTROY and CAP_NET_ADMIN. Raises OSError; ENOENT when it is gone already.
        """
        self._netlink.ask(_DESTROY, _question(flow, ANY))


def _question(flow: Flow, states: int) -> bytes:
    family = socket.AF_INET if len(flow.source) == 4 else socket.AF_INET6
    identity = _ID.pack(flow.source_port, flow.destination_port, flow.source, flow.destination)
    return _REQUEST.pack(family, flow.protocol, 0, 0, states) + identity + _NO_COOKIE


def _read(answer: bytes, protocol: int) -> Socket:
    family, state, _, _ = _ANSWER.unpack_from(answer)
    source_port, destination_port, source, destination = _ID.unpack_from(answer, _ANSWER.size)
    size = 4 if family == socket.AF_INET else 16
    inode = _TAIL.unpack_from(answer, _ANSWER.size + _ID_SIZE)[4]
    return Socket(
        Flow(protocol, source[:size], source_port, destination[:size], destination_port), state, inode
    )
