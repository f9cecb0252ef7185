"""Copies of packets that can be sent: with every checksum complete, or with one bit that makes it wrong.

On loopback the kernel leaves checksums to a device that is not there, and believes them; a copy that comes from a raw
socket or a TUN device is checked as if it had come by a wire. Checksums: RFC 1071, RFC 9293 section 3.1, RFC 768,
RFC 8200 section 8.1.
"""

import socket
import struct
from random import Random

from chaos.faults.net.flows import transport_start
from chaos.faults.net.nft import TCP, UDP

_CHECKSUM_AT = {TCP: 16, UDP: 6}
_UDP_HEADER = 8
_WINDOW = 14


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
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    checksum = ~total & 0xFFFF
    if protocol == UDP and checksum == 0:
        checksum = 0xFFFF
    struct.pack_into("!H", whole, place, checksum)
    return whole


def _sum(data: bytes | bytearray) -> int:
    """The 16-bit words, added up (they may not be folded yet)."""
    even = bytes(data) + b"\0" * (len(data) % 2)
    return sum(struct.unpack(f"!{len(even) // 2}H", even))


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


class Resender:
    """Sends whole packets again, with a mark that lets rules tell them from others (IP_HDRINCL in raw(7))."""

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
