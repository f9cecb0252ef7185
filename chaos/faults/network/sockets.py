"""The sockets of this network namespace, one by one or all (sock_diag(7), <linux/inet_diag.h>).

One exact question takes about 10 us; reading /proc/net/tcp walks the whole machine's hash table,
milliseconds.
"""

import errno
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos.faults.network.flows import Flow
from chaos.faults.network.netlink import DUMP, SOCK_DIAG, Netlink, attributes
from chaos.faults.network.nft import TCP, UDP

LISTEN, ESTABLISHED, CLOSE_WAIT = 10, 1, 8  # <net/tcp_states.h>
ANY = 0xFFFFFFFF

_BY_FAMILY, _DESTROY = 20, 21
_REQUEST = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states; then the id
_ID = struct.Struct("!HH16s16s")  # ports and addresses; then interface and cookie in host order
_ANY_INTERFACE, _ANY_COOKIE = struct.pack("=I", 0), struct.pack("=II", ANY, ANY)
_ANSWER = struct.Struct("=BBBB")  # family, state, timer, retransmissions; then the id (48 bytes), then:
_TAIL = struct.Struct("=IIIII")  # expires, queue in, queue out, uid, inode
_ID_SIZE = 48
_COOKIE = slice(_ANSWER.size + _ID_SIZE - 8, _ANSWER.size + _ID_SIZE)
_MARK = 15  # INET_DIAG_MARK, told to whom has CAP_NET_ADMIN
_TABLES = {TCP: ("tcp", "tcp6"), UDP: ("udp", "udp6")}
_MAPPED = b"\0" * 10 + b"\xff\xff"


@dataclass(frozen=True)
class Socket:
    """One end of a conversation: `flow` runs from this end to the other."""

    flow: Flow
    state: int
    inode: int
    """0 once no process holds it."""
    mark: int = 0
    """What its packets are marked with (SO_MARK); 0 also where the kernel does not say."""
    cookie: bytes = b""
    """Which socket it is, whoever has its addresses later; empty where the kernel does not say."""


class Sockets:
    """Questions to the kernel about sockets."""

    def __init__(self) -> None:
        self._netlink = Netlink(SOCK_DIAG)
        self._spoken: dict[int, bool] = {}

    def close(self) -> None:
        """Stop asking."""
        self._netlink.close()

    def find(self, flow: Flow) -> Socket | None:
        """The socket that sends this flow; None when there is none (any more)."""
        if not self._speaks(flow.protocol):
            return next((socket for socket in from_tables(flow.protocol) if socket.flow == flow), None)
        # The kernel has the ends of a UDP question swapped, "for historical reasons" (udp_dump_one in Linux).
        asked = flow.reversed if flow.protocol == UDP else flow
        try:
            answers = self._netlink.ask(_BY_FAMILY, _question(asked, ANY))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE):
                return None
            raise
        return _read(answers[0], flow.protocol) if answers else None

    def all(self, protocol: int, states: int = ANY) -> Iterator[Socket]:
        """Every socket in one of the states (a mask of 1 << state), IPv4 then IPv6."""
        if self._speaks(protocol):
            yield from self._dump(protocol, states)
        else:
            yield from (socket for socket in from_tables(protocol) if states & 1 << socket.state)

    def _dump(self, protocol: int, states: int) -> Iterator[Socket]:
        for address in (b"\0" * 4, b"\0" * 16):
            anything = Flow(protocol, address, 0, address, 0)
            for answer in self._netlink.ask(_BY_FAMILY, _question(anything, states), DUMP):
                yield _read(answer, protocol)

    def _speaks(self, protocol: int) -> bool:
        """Whether the kernel answers about this protocol (CONFIG_INET_TCP_DIAG, CONFIG_INET_UDP_DIAG)."""
        if protocol not in self._spoken:
            self._spoken[protocol] = self._tries(protocol)
        return self._spoken[protocol]

    def _tries(self, protocol: int) -> bool:
        try:
            list(self._dump(protocol, 1 << LISTEN))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP):
                return False
            raise
        return True

    def destroy(self, connection: Socket) -> None:
        """Abort the connection from that end of it: it sees ECONNABORTED, the other end a reset.

        By its cookie: asked by addresses alone, the kernel takes the listener of the port when the connection is gone
        (inet_diag_find_one_icsk in Linux), and nobody could connect to it ever again.

        Needs CONFIG_INET_DIAG_DESTROY and CAP_NET_ADMIN. Raises OSError; ENOENT or ESTALE when it is gone already.
        """
        if not connection.cookie or connection.state == LISTEN:
            raise OSError(errno.ENOENT, "not a connection that the kernel has shown")
        self._netlink.ask(_DESTROY, _question(connection.flow, ANY, connection.cookie))

    def can_destroy(self) -> bool:
        """Whether `destroy` works here, tried on a connection that cannot be."""
        try:
            self._netlink.ask(_DESTROY, _question(Flow(TCP, b"\0" * 4, 0, b"\0" * 4, 0), ANY))
        except OSError as error:
            return error.errno in (errno.ENOENT, errno.ESTALE)
        return True


def from_tables(protocol: int) -> Iterator[Socket]:
    """Every socket of this network namespace, read from /proc/net; those of IPv4 first."""
    for name in _TABLES[protocol]:
        try:
            lines = Path("/proc/self/net", name).read_text().splitlines()[1:]
        except FileNotFoundError:  # no IPv6 here
            continue
        for line in lines:
            _, local, remote, state, _, _, _, _, _, inode, *_ = line.split()
            flow = Flow(protocol, *_end(local), *_end(remote))
            yield Socket(flow, int(state, 16), int(inode))


def _end(shown: str) -> tuple[bytes, int]:
    """`0100007F:1F90`: the address in words of host order, the port as a number."""
    address, _, port = shown.partition(":")
    words = [struct.pack("=I", int(address[at : at + 8], 16)) for at in range(0, len(address), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return _address(family, b"".join(words)), int(port, 16)


def _question(flow: Flow, states: int, cookie: bytes = _ANY_COOKIE) -> bytes:
    family = socket.AF_INET if len(flow.source) == 4 else socket.AF_INET6
    identity = _ID.pack(flow.source_port, flow.destination_port, flow.source, flow.destination)
    return _REQUEST.pack(family, flow.protocol, 0, 0, states) + identity + _ANY_INTERFACE + cookie


def _read(answer: bytes, protocol: int) -> Socket:
    family, state, _, _ = _ANSWER.unpack_from(answer)
    source_port, destination_port, source, destination = _ID.unpack_from(answer, _ANSWER.size)
    inode = _TAIL.unpack_from(answer, _ANSWER.size + _ID_SIZE)[4]
    more = dict(attributes(answer[_ANSWER.size + _ID_SIZE + _TAIL.size :]))
    mark = int.from_bytes(more.get(_MARK, b""), sys.byteorder)
    ends = _address(family, source), source_port, _address(family, destination), destination_port
    return Socket(Flow(protocol, *ends), state, inode, mark, answer[_COOKIE])


def _address(family: int, value: bytes) -> bytes:
    """4 bytes for IPv4, also when an IPv6 socket speaks it (::ffff:0:0/96, RFC 4291 section 2.5.5.2)."""
    if family == socket.AF_INET:
        return value[:4]
    return value[12:] if value.startswith(_MAPPED) else value
