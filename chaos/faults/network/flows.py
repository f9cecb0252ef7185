"""Which flow a packet belongs to, read from its first bytes (RFC 791, RFC 8200, RFC 9293, RFC 768)."""

import struct
from typing import NamedTuple

from chaos.faults.network.nft import TCP, UDP

_PORTS = struct.Struct("!HH")
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10


class Flow(NamedTuple):
    """One direction of a conversation; addresses are 4 or 16 bytes."""

    protocol: int
    source: bytes
    source_port: int
    destination: bytes
    destination_port: int

    @property
    def reversed(self) -> "Flow":
        """The other direction."""
        return Flow(self.protocol, self.destination, self.destination_port, self.source, self.source_port)

    @property
    def local(self) -> bool:
        """Whether both ends are on this machine."""
        return self.source == self.destination or (_loopback(self.source) and _loopback(self.destination))


class Packet(NamedTuple):
    """What the delay line must know of a packet."""

    flow: Flow
    opens: bool
    """TCP with SYN set: part of a handshake."""
    size: int
    """Bytes with all headers, as the IP header says."""
    begins: bool
    """TCP with SYN set and not ACK: the first of a connection."""
    data: int
    """Bytes that a TCP segment carries; 0 for anything else."""
    bare: bool
    """TCP without data, SYN, FIN or RST: it acknowledges, and no more."""


def _loopback(address: bytes) -> bool:
    return address[:1] == b"\x7f" if len(address) == 4 else address == b"\0" * 15 + b"\1"


def parse(head: bytes) -> Packet | None:
    """The packet that begins with `head`; None when it is not TCP or UDP, or has IPv6 extension headers."""
    if not head:
        return None
    start, protocol = transport_start(head)
    length = int.from_bytes(head[2:4] if head[0] >> 4 == 4 else head[4:6], "big")
    if head[0] >> 4 == 4:
        source, destination = head[12:16], head[16:20]
    else:
        source, destination, length = head[8:24], head[24:40], length + 40
    if protocol not in (TCP, UDP) or len(head) < start + 4:
        return None
    ports = _PORTS.unpack_from(head, start)
    flow = Flow(protocol, source, ports[0], destination, ports[1])
    if protocol != TCP or len(head) < start + 14:
        return Packet(flow, False, length, False, 0, False)
    flags, data = head[start + 13], max(0, length - start - (head[start + 12] >> 4) * 4)
    bare = not data and not flags & (_FIN | _SYN | _RST)
    return Packet(flow, bool(flags & _SYN), length, flags & (_SYN | _ACK) == _SYN, data, bare)


def transport_start(head: bytes) -> tuple[int, int]:
    """Where the transport header begins, and the protocol's number; extension headers of IPv6 count as a protocol."""
    return ((head[0] & 15) * 4, head[9]) if head[0] >> 4 == 4 else (40, head[6])
