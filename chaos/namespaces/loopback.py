"""Bring a new network namespace's own loopback up."""

import fcntl
import socket
import struct

_SIOCSIFADDR, _SIOCSIFFLAGS = 0x8916, 0x8914
_UP_AND_RUNNING = 0x1 | 0x40
_OWN_ADDRESS = "10.254.254.254"


def up() -> None:
    """Bring lo up, with one address beyond 127/8: without any, resolvers that ask for "configured" families find none.

    SIOCSIFFLAGS with IFF_UP | IFF_RUNNING, and SIOCSIFADDR on an alias (<linux/if.h>, <linux/sockios.h>).
    """
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _UP_AND_RUNNING))
        address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(_OWN_ADDRESS))
        fcntl.ioctl(any_socket, _SIOCSIFADDR, struct.pack("16s16s8x", b"lo:box", address))
