"""A kernel queue of packets whose fate this process decides (<linux/netfilter/nfnetlink_queue.h>).

Packets stay in the kernel, only their first bytes are copied here unless they are wanted whole. When nobody
listens, or the queue or the socket is full, they pass (bypass and fail-open): a slow or dead line means no
fault, never a dead network.
"""

import contextlib
import socket
import struct
import time
from collections.abc import Sequence

from chaos.faults.network.copies import Resender
from chaos.faults.network.netlink import (
    NETFILTER,
    REQUEST,
    Netlink,
    attribute,
    attributes,
    be32,
    message,
    messages,
)

_QUEUE = 3  # NFNL_SUBSYS_QUEUE
_PACKET, _VERDICT, _CONFIG = _QUEUE << 8, _QUEUE << 8 | 1, _QUEUE << 8 | 2
_PACKET_HEADER, _TIMESTAMP, _PAYLOAD = 1, 4, 10
_BIND = struct.pack("!BBH", 1, 0, 0)
_COPY_PACKET = 2
_FAIL_OPEN, _GSO = 1, 4
_DROP, _ACCEPT = 0, 1
_HEADERS = 80
"""Bytes copied of each packet: an IPv4 header with options (60) or IPv6 (40), and the first 20 of TCP."""
_WHOLE = 0xFFFF - 4
"""The most that one attribute holds."""
_LONGEST = 65536
"""Packets that may wait at once."""
_BUFFER = 32 << 20
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS, _SOL_NETLINK, _NO_ENOBUFS = 33, 35, 270, 5
_MAX_AGE_S = 1.0
RESENT = 0x63686173
"""The mark of packets that this process sends."""
_BATCH = 256


class PacketQueue:
    """One queue of this network namespace. Packets that wait when it closes are dropped by the kernel."""

    def __init__(self, number: int, *, whole: bool = False, sends: bool = False) -> None:
        self._resender = Resender(RESENT) if sends else None
        self._netlink = Netlink(NETFILTER)
        self._number = number
        self._grow_buffer()
        self._configure(attribute(1, _BIND))
        self._configure(attribute(2, struct.pack("!IB", _WHOLE if whole else _HEADERS, _COPY_PACKET)))
        self._configure(attribute(3, be32(_LONGEST)))
        self._configure(attribute(4, be32(_FAIL_OPEN | _GSO)) + attribute(5, be32(_FAIL_OPEN | _GSO)))
        self._netlink.socket.setblocking(False)
        # The kernel notes when packets arrive only while some socket wants to know; then it tells us too.
        self._stamping = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._stamping.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)

    def _grow_buffer(self) -> None:
        wanted = self._netlink.socket
        try:
            wanted.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        except PermissionError:  # only the host's root may pass net.core.rmem_max
            wanted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        wanted.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)

    def _configure(self, settings: bytes) -> None:
        self._netlink.ask(_CONFIG, struct.pack("!BBH", 0, 0, self._number) + settings)

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._netlink.socket.fileno()

    def read(self) -> list[tuple[int, bytes, float]]:
        """Some packets that are here now: id, first bytes from the IP header on, seconds since it arrived."""
        packets = []
        with contextlib.suppress(BlockingIOError):
            for _ in range(_BATCH):
                for kind, _, body in messages(self._netlink.socket.recv(1 << 17)):
                    if kind == _PACKET:
                        parts = dict(attributes(body[4:]))
                        number = int.from_bytes(parts[_PACKET_HEADER][:4], "big")
                        packets.append((number, parts.get(_PAYLOAD, b""), _age(parts.get(_TIMESTAMP))))
        return packets

    def release(self, packets: Sequence[int]) -> None:
        """Let them go on their way, in this order."""
        self._decide(_ACCEPT, packets)

    def drop(self, packets: Sequence[int]) -> None:
        """End them."""
        self._decide(_DROP, packets)

    def resend(self, packets: Sequence[bytes | bytearray]) -> None:
        """Send packets that carry our mark; for queues that were made with `sends`."""
        for packet in packets:
            assert self._resender is not None
            with contextlib.suppress(
                BlockingIOError, PermissionError
            ):  # no room, or a rule of somebody: lost
                self._resender.send(packet)

    def _decide(self, verdict: int, packets: Sequence[int]) -> None:
        about = struct.pack("!BBH", 0, 0, self._number)
        verdicts = [
            message(_VERDICT, REQUEST, 0, about + attribute(2, struct.pack("!II", verdict, packet)))
            for packet in packets
        ]
        for start in range(0, len(verdicts), _BATCH):
            self._netlink.socket.send(b"".join(verdicts[start : start + _BATCH]))

    def close(self) -> None:
        """Give the queue back; what waits in it is dropped, so release first."""
        self._netlink.close()
        self._stamping.close()
        if self._resender is not None:
            self._resender.close()


def _age(stamp: bytes | None) -> float:
    """Seconds since `stamp` (struct nfqnl_msg_packet_timestamp: Unix seconds and microseconds); 0 without one."""
    if stamp is None:
        return 0.0
    seconds, micros = struct.unpack("!QQ", stamp)
    age_s = time.time() - float(seconds) - float(micros) * 1e-6
    return min(max(0.0, age_s), _MAX_AGE_S)


def free_queue(first: int, *, whole: bool = False, sends: bool = False) -> tuple[int, PacketQueue]:
    """A queue that nobody has bound, looked for from number `first` on. Raises OSError when there is none."""
    refused = OSError("no queue is free")
    for number in range(first, first + 16):
        try:
            return number, PacketQueue(number % 65536, whole=whole, sends=sends)
        except PermissionError as error:  # bound by another process, or no right at all
            refused = error
    raise refused
