"""Copies of packets: their checksums, and the one bit."""

import socket
import struct
from random import Random

import pytest

from chaos.faults.network.copies import answers, complete, flipped

HERE = socket.inet_aton("127.0.0.1")
V6 = socket.inet_pton(socket.AF_INET6, "::1")


def packet(version: int, protocol: int, payload: bytes) -> bytes:
    """With a checksum field that is wrong, as on loopback."""
    tcp = struct.pack("!HHIIBBHHH", 8000, 41000, 1, 2, 0x50, 16, 512, 0xBEEF, 0)
    udp = struct.pack("!HHHH", 8000, 41000, 8 + len(payload), 0xBEEF)
    segment = (tcp if protocol == 6 else udp) + payload
    if version == 4:
        total = 20 + len(segment)
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, total, 0, 0, 64, protocol, 0, HERE, HERE) + segment
    return struct.pack("!IHBB16s16s", 6 << 28, len(segment), protocol, 64, V6, V6) + segment


def is_right(whole: bytes | bytearray) -> bool:
    """The ones' complement sum over pseudo header and segment is all ones (RFC 1071), computed word by word."""
    start, protocol = (20, whole[9]) if whole[0] >> 4 == 4 else (40, whole[6])
    addresses = whole[12:20] if start == 20 else whole[8:40]
    data = bytes(addresses) + struct.pack("!II", len(whole) - start, protocol) + bytes(whole[start:])
    total = 0
    for place in range(0, len(data), 2):
        total += int.from_bytes(data[place : place + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("protocol", [6, 17])
@pytest.mark.parametrize("size", [0, 1, 2, 999, 60_000])
def test_a_copy_is_right_and_a_flipped_one_wrong_by_one_bit(version: int, protocol: int, size: int) -> None:
    original = packet(version, protocol, Random(size).randbytes(size))
    assert not is_right(original)
    whole = complete(original)
    assert is_right(whole)
    for seed in range(5):
        wrong = flipped(original, Random(seed))
        assert not is_right(wrong)
        assert sum((a ^ b).bit_count() for a, b in zip(whole, wrong, strict=True)) == 1


def test_udp_without_a_checksum_keeps_none() -> None:
    original = bytearray(packet(4, 17, b"abc"))
    original[26:28] = b"\0\0"
    assert complete(bytes(original)) == original


@pytest.mark.parametrize("version", [4, 6])
def test_an_answer_acknowledges_the_request_and_ends_the_connection_at_both_ends(version: int) -> None:
    request = packet(version, 6, b"GET / HTTP/1.1\r\n\r\n")
    to_client, to_server = answers(request, b"HTTP/1.1 503 No\r\n\r\n")
    start = 20 if version == 4 else 40
    assert all(is_right(one) for one in (to_client, to_server))
    assert struct.unpack_from("!HHIIBB", to_client, start) == (41000, 8000, 2, 1 + 18, 0x50, 0x19)
    assert bytes(to_client[start + 20 :]) == b"HTTP/1.1 503 No\r\n\r\n"
    assert struct.unpack_from("!HHIIBB", to_server, start) == (8000, 41000, 1, 2, 0x50, 0x14)
