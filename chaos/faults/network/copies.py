"""Packets that can be sent: copies with every checksum complete, or with one bit that makes it wrong; resets, answers.

On loopback the kernel leaves checksums to a device that is not there, and believes them; a copy that comes from a raw
socket or a TUN device is checked as if it had come by a wire. Checksums: RFC 1071, RFC 9293 section 3.1, RFC 768,
RFC 8200 section 8.1.
"""

import socket
import struct
from random import Random

from chaos.faults.network.flows import transport_start
from chaos.faults.network.nft import TCP, UDP

_CHECKSUM_AT = {TCP: 16, UDP: 6}
_UDP_HEADER = 8
_WINDOW = 14
_FIN, _SYN, _RST, _PSH, _ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_WHOLE_ONLY, _HOPS = 0x4000, 64
"""Don't fragment; and how far it may go."""


def complete(packet: bytes) -> bytearray:
    """The packet with the checksum of its transport; a UDP packet that has none keeps none."""
    whole = bytearray(packet)
    start, protocol = transport_start(packet)
    place = start + _CHECKSUM_AT[protocol]
    if protocol == UDP and whole[place : place + 2] == b"\0\0":
        return whole
    whole[place : place + 2] = b"\0\0"
    addresses = packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]
    length = len(whole) - start
    total = _sum(addresses) + _sum(whole[start:]) + protocol + length
    checksum = ~_folded(total) & 0xFFFF
    if protocol == UDP and checksum == 0:
        checksum = 0xFFFF
    struct.pack_into("!H", whole, place, checksum)
    return whole


def _sum(data: bytes | bytearray) -> int:
    """The 16-bit words, added up (they may not be folded yet)."""
    even = bytes(data) + b"\0" * (len(data) % 2)
    return sum(struct.unpack(f"!{len(even) // 2}H", even))


def _folded(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def flipped(packet: bytes, random: Random) -> bytearray:
    """A complete copy with one bit of its payload changed; of a TCP packet without payload, of its window."""
    whole = complete(packet)
    start, protocol = transport_start(packet)
    header = (packet[start + 12] >> 4) * 4 if protocol == TCP else _UDP_HEADER
    first, last = start + header, len(whole)
    if first >= last:
        first = start + (_WINDOW if protocol == TCP else _CHECKSUM_AT[UDP])
        last = first + 2
    whole[random.randrange(first, last)] ^= 1 << random.randrange(8)
    return whole


def resets(segment: bytes) -> list[bytearray]:
    """What ends a connection at both ends of this segment of it, as a box between them would send it (RFC 9293, 3.5.2).

    To the sender, who takes what it has acknowledged for the next number; of one that begins a connection that is all.
    Else to the receiver too, to whom the segment's own number is the next one.
    """
    start, _ = transport_start(segment)
    ports, sequence, acknowledged = struct.unpack_from("!4sII", segment, start)
    flags, length = segment[start + 13], _length(segment) - start - (segment[start + 12] >> 4) * 4
    back = ports[2:] + ports[:2]
    if not flags & _ACK:
        after = (sequence + length + bool(flags & _SYN) + bool(flags & _FIN)) & 0xFFFFFFFF
        return [_bare(segment, back, 0, after, _RST | _ACK, turned=True)]
    return [
        _bare(segment, back, acknowledged, 0, _RST, turned=True),
        _bare(segment, ports, sequence, acknowledged, _RST | _ACK, turned=False),
    ]


def answers(segment: bytes, payload: bytes) -> list[bytearray]:
    """What answers this segment in its receiver's stead, and ends the connection: payload and FIN, and a reset.

    To the sender, who has acknowledged all that came before; the receiver, who never sees the segment, is reset.
    """
    start, _ = transport_start(segment)
    ports, sequence, acknowledged = struct.unpack_from("!4sII", segment, start)
    after = (sequence + _length(segment) - start - (segment[start + 12] >> 4) * 4) & 0xFFFFFFFF
    back, flags = ports[2:] + ports[:2], _FIN | _PSH | _ACK
    return [
        _bare(segment, back, acknowledged, after, flags, turned=True, payload=payload),
        _bare(segment, ports, sequence, acknowledged, _RST | _ACK, turned=False),
    ]


def sequence_of(segment: bytes) -> int:
    """The number of a TCP segment's first byte."""
    start, _ = transport_start(segment)
    return int.from_bytes(segment[start + 4 : start + 8], "big")


def _length(packet: bytes) -> int:
    return (
        int.from_bytes(packet[2:4], "big") if packet[0] >> 4 == 4 else 40 + int.from_bytes(packet[4:6], "big")
    )


def _bare(
    like: bytes, ports: bytes, sequence: int, ack: int, flags: int, *, turned: bool, payload: bytes = b""
) -> bytearray:
    """A segment without options between the same two addresses, or the other way round."""
    width, at = (4, 12) if like[0] >> 4 == 4 else (16, 8)
    source, destination = like[at : at + width], like[at + width : at + 2 * width]
    addresses = destination + source if turned else source + destination
    if width == 4:
        long = 40 + len(payload)
        ip = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, long, 0, _WHOLE_ONLY, _HOPS, TCP, 0) + addresses)
        struct.pack_into("!H", ip, 10, ~_folded(_sum(ip)) & 0xFFFF)
    else:
        ip = bytearray(struct.pack("!IHBB", 6 << 28, 20 + len(payload), TCP, _HOPS) + addresses)
    window = 0xFFFF if payload or flags & _FIN else 0
    tcp = ports + struct.pack("!IIBBHHH", sequence, ack, 5 << 4, flags, window, 0, 0)
    return complete(bytes(ip) + tcp + payload)


class Resender:
    """Sends whole packets, with a mark that lets rules tell them from others (IP_HDRINCL in raw(7))."""

    def __init__(self, mark: int) -> None:
        self._sockets = {4: _raw(socket.AF_INET, mark), 6: _raw(socket.AF_INET6, mark)}

    def send(self, packet: bytes | bytearray) -> None:
        """Raises OSError when the kernel takes it not."""
        version = packet[0] >> 4
        if version == 4:
            self._sockets[4].sendto(packet, (socket.inet_ntop(socket.AF_INET, packet[16:20]), 0))
        else:
            self._sockets[6].sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))

    def close(self) -> None:
        """Send no more."""
        for each in self._sockets.values():
            each.close()


def _raw(family: int, mark: int) -> socket.socket:
    raw = socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_RAW)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    return raw
