"""The line on a TUN device, for kernels without packet queues: routed to us, held, and given back.

Source: Documentation/networking/tuntap.rst. IPv4 loopback traffic only: IPv6 loopback addresses may not arrive on any
other device (RFC 4291 section 2.5.3). When this process ends the device and its route are gone and packets go their
ordinary way again; the rules that then lead nowhere are removed by whoever added them.
"""

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.network.carry import Carrier
from chaos.faults.network.nft import TCP, UDP
from chaos.faults.network.routes import LOCAL_TABLE, Routes, RoutingRule
from chaos.faults.network.selection import Selection, Sorter
from chaos.faults.support.channel import mine

DEVICE = "chaoslab0"
TABLE = 7207
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_MTU, _QUEUE_LENGTH = 65535, 10_000
_BATCH = 256
_FIRST_RULE, _LOCAL_AFTER = 10, 100
_SETTINGS = {"route_localnet": "1", "accept_local": "1", "rp_filter": "0"}


class TunPackets:
    """Packets that are routed to our device; a token is the packet itself."""

    def __init__(self) -> None:
        self._file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        request = struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(self._file, _TUNSETIFF, request)

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._file

    def read(self) -> list[tuple[bytes, bytes, float]]:
        """Some packets that are here now; how long they have been is not known."""
        packets = []
        with contextlib.suppress(BlockingIOError):
            for _ in range(_BATCH):
                packet = os.read(self._file, _MTU)
                packets.append((packet, packet, 0.0))
        return packets

    def drop(self, packets: Sequence[bytes]) -> None:
        """The kernel has given them up already."""

    def resend(self, packets: Sequence[bytes | bytearray]) -> None:
        """The same as `release`: nothing that comes in by the device is routed to it again."""
        self.release(packets)

    def release(self, packets: Sequence[bytes | bytearray]) -> None:
        """Give them back to the kernel, as if they had come in by the device."""
        for packet in packets:
            try:
                os.write(self._file, packet)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOBUFS, errno.EIO):  # lost, as packets may be
                    raise

    def close(self) -> None:
        """Take the device away."""
        os.close(self._file)


def run(selection: Mapping[str, Any], order: Mapping[str, Any], seed: int) -> None:
    """Helper: treat the packets of the selection that are routed here. Says {"ready": true}."""
    channel = mine()
    try:
        packets = TunPackets()
        _set_up()
    except OSError as error:
        raise InjectionError(f"{error.filename or DEVICE}: {error.strerror}") from error
    sorter = Sorter(Selection.of(selection))
    carrier = Carrier(packets, sorter, order, seed, channel, _offered)
    channel.send({"ready": True})
    carrier.run()
    carrier.flush()
    channel.send({"stopped": carrier.report()})
    packets.close()


def _set_up() -> None:
    settings = Path("/proc/sys/net/ipv4/conf", DEVICE)
    for name, value in _SETTINGS.items():
        (settings / name).write_text(value)
    with contextlib.suppress(FileNotFoundError):
        Path("/proc/sys/net/ipv6/conf", DEVICE, "disable_ipv6").write_text("1")
    index = socket.if_nametoindex(DEVICE)
    with contextlib.closing(Routes()) as routes:
        routes.bring_up(index, _MTU, _QUEUE_LENGTH)
        routes.add_loopback_route(index, TABLE)


def _offered() -> int | None:
    """Packets sent to the device and those it dropped for want of room (proc(5), /proc/net/dev)."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == DEVICE:
            fields = [int(number) for number in numbers.split()]
            return fields[9] + fields[11]
    return None


@contextlib.contextmanager
def diverted(selection: Selection) -> Iterator[None]:
    """Route what the selection may be about to the device; the local table, else always first, comes after."""
    ports: Sequence[int | None] = [None]
    if selection.leaves_by_port:
        ports = sorted({*selection.ports, selection.echo_port})
    kinds = [(protocol, port) for protocol in (TCP, UDP) for port in ports]
    rules = [
        RoutingRule(_FIRST_RULE + place, TABLE, "lo", protocol, port)
        for place, (protocol, port) in enumerate(kinds)
    ]
    with contextlib.ExitStack() as stack:
        routes = stack.enter_context(contextlib.closing(Routes()))
        for rule in (*rules, RoutingRule(_LOCAL_AFTER, LOCAL_TABLE)):
            stack.enter_context(routes.with_rule(rule))
        stack.enter_context(routes.without_rule(RoutingRule(0, LOCAL_TABLE, by_kernel=True)))
        yield


@contextlib.contextmanager
def tolerant_of_sources() -> Iterator[None]:
    """Have no reverse path check anywhere: the strictest of `all` and the device counts (ip-sysctl.rst)."""
    setting = Path("/proc/sys/net/ipv4/conf/all/rp_filter")
    before = setting.read_text().strip()
    try:
        if before != "0":
            setting.write_text("0")
        yield
    finally:
        if before != "0":
            setting.write_text(before)
