"""Netlink messages: attributes, a request and its answers, a transaction.

Layout and flags: RFC 3549 section 2.3 and <linux/netlink.h>. Numbers in headers are in host order; what is
inside an attribute is up to its subsystem (nfnetlink uses network order).
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ROUTE, SOCK_DIAG, NETFILTER = 0, 4, 12
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
CREATE, EXCL, APPEND = 0x400, 0x200, 0x800

_ERROR, _DONE = 2, 3
_NESTED = 0x8000
_TYPE_MASK = 0x3FFF
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port id
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ANSWER_TIMEOUT_S = 5.0


def be16(value: int) -> bytes:
    """Network order."""
    return struct.pack("!H", value)


def be32(value: int) -> bytes:
    """Network order; negative values in two's complement."""
    return struct.pack("!I", value & 0xFFFFFFFF)


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def text(kind: int, value: str) -> bytes:
    """An attribute that is a zero-terminated string."""
    return attribute(kind, value.encode() + b"\0")


def nest(kind: int, *attributes: bytes) -> bytes:
    """An attribute made of attributes."""
    return attribute(kind | _NESTED, b"".join(attributes))


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in `data`, as (type, payload)."""
    offset = 0
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            return
        yield kind & _TYPE_MASK, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """One message with its header."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The messages in one datagram, as (type, sequence, body)."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, offset)
        yield kind, sequence, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


@dataclass(frozen=True)
class NetlinkMessage:
    """One message of a transaction."""

    kind: int
    flags: int
    body: bytes


class Netlink:
    """A socket of one netlink family. What the kernel ties to it (owned tables, queues) ends with it."""

    def __init__(self, family: int) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self.socket.bind((0, 0))
        self.socket.settimeout(_ANSWER_TIMEOUT_S)
        self._sequence = 0

    def close(self) -> None:
        """Let the kernel drop what belongs to this socket."""
        self.socket.close()

    def ask(self, kind: int, body: bytes, flags: int = 0) -> list[bytes]:
        """Send one request; the bodies of its answers. Raises OSError with the kernel's reason."""
        self._sequence += 1
        self.socket.send(message(kind, REQUEST | ACK | flags, self._sequence, body))
        answers: list[bytes] = []
        while True:
            for got, sequence, content in messages(self.socket.recv(1 << 18)):
                if sequence != self._sequence:
                    continue
                if got in (_ERROR, _DONE):
                    _raise_for(content)
                    return answers
                answers.append(content)

    def transact(self, begin: NetlinkMessage, orders: Sequence[NetlinkMessage], end: NetlinkMessage) -> None:
        """Send orders that all take effect, or none. Raises OSError with the first reason of refusal."""
        first = self._sequence + 1
        out = b""
        for order in (begin, *orders, end):
            self._sequence += 1
            flags = REQUEST | order.flags | (0 if order in (begin, end) else ACK)
            out += message(order.kind, flags, self._sequence, order.body)
        self.socket.send(out)
        waiting = set(range(first + 1, self._sequence))
        while waiting:
            for kind, sequence, content in messages(self.socket.recv(1 << 18)):
                if kind == _ERROR and sequence >= first:  # older ones belong to a batch that was refused
                    _raise_for(content)
                    waiting.discard(sequence)


def _raise_for(content: bytes) -> None:
    code = -int(struct.unpack_from("=i", content)[0]) if len(content) >= 4 else 0
    if code:
        raise OSError(code, os.strerror(code))


def nft_refusal(error: OSError) -> str:
    """Why the kernel takes no packet rules, and what it lacks where that is known."""
    lacks = error.errno == errno.EOPNOTSUPP
    return (
        f"{error.strerror}{': this kernel has no nftables for IP (CONFIG_NF_TABLES_INET)' if lacks else ''}"
    )
