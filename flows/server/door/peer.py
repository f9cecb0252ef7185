"""Whose process is at the other end of a connection over the loopback.

Source: proc(5), /proc/net/tcp: addresses as words in the machine's byte order, state, uid, inode. Only a connection
that is established and has a socket counts: a socket whose process has closed it is listed with uid 0 and inode 0 for
as long as its last bytes are on their way, so anybody could pass for root for that moment.
"""

import socket
import struct
from pathlib import Path

_ESTABLISHED = "01"
_MAPPED = bytes(10) + b"\xff\xff"
"""How an IPv4 address begins for a socket of IPv6 (RFC 4291, 2.5.5.2)."""


def owner(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """The uid of the process whose socket is `client` of a connection to `server`, both IPv4 addresses and ports.

    None when there is no such process in this network namespace.
    """
    for table, written in (("tcp", _ipv4), ("tcp6", _mapped)):
        wanted = [written(*client), written(*server), _ESTABLISHED]
        try:
            rows = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:  # a kernel without IPv6
            continue
        for row in rows:
            fields = row.split()
            if fields[1:4] == wanted and fields[9] != "0":
                return int(fields[7])
    return None


def _ipv4(host: str, port: int) -> str:
    return f"{_words(socket.inet_aton(host))}:{port:04X}"


def _mapped(host: str, port: int) -> str:
    return f"{_words(_MAPPED + socket.inet_aton(host))}:{port:04X}"


def _words(address: bytes) -> str:
    return "".join(f"{word:08X}" for (word,) in struct.iter_unpack("=I", address))
