"""Devices, routes and routing rules by rtnetlink(7), for the TUN delay line. Only IPv4.

Structures and numbers: <linux/rtnetlink.h>, <linux/if_link.h>, <linux/fib_rules.h>.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from chaos.faults.network.netlink import CREATE, EXCL, ROUTE, Netlink, attribute, text

LOCAL_TABLE = 255
_NEWLINK, _NEWROUTE, _NEWRULE, _DELRULE = 16, 24, 32, 33
_IFF_UP = 1
_IFLA_MTU, _IFLA_QUEUE_LENGTH = 4, 13
_RTA_DESTINATION, _RTA_DEVICE, _RTA_SOURCE, _RTA_TABLE = 1, 4, 7, 15
_UNICAST, _SCOPE_LINK, _STATIC = 1, 253, 4
_FRA_ARRIVED_ON, _FRA_PRIORITY, _FRA_TABLE, _FRA_MADE_BY, _FRA_PROTOCOL, _FRA_SOURCE_PORTS = (
    3,
    6,
    15,
    21,
    22,
    23,
)
_KERNEL = 2  # RTPROT_KERNEL
_TO_TABLE = 1


@dataclass(frozen=True)
class RoutingRule:
    """Which packets are looked up in which table; lower priorities come first."""

    priority: int
    table: int
    arrived_on: str | None = None
    """`lo` stands for packets made by this machine."""
    protocol: int | None = None
    source_port: int | None = None
    by_kernel: bool = False
    """Marked as the rules are that every network namespace begins with, so that one can be put back."""


class Routes:
    """The routing of this network namespace."""

    def __init__(self) -> None:
        self._netlink = Netlink(ROUTE)

    def close(self) -> None:
        """Stop asking; what was set stays."""
        self._netlink.close()

    def bring_up(self, index: int, mtu: int, queue_length: int) -> None:
        """Set a device up."""
        about = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP)
        sizes = _number(_IFLA_MTU, mtu) + _number(_IFLA_QUEUE_LENGTH, queue_length)
        self._netlink.ask(_NEWLINK, about + sizes)

    def add_loopback_route(self, index: int, table: int) -> None:
        """Send 127.0.0.0/8 to that device, from 127.0.0.1 when the sender has not chosen; it goes with the device."""
        about = struct.pack("=8BI", socket.AF_INET, 8, 0, 0, 0, _STATIC, _SCOPE_LINK, _UNICAST, 0)
        destination = attribute(_RTA_DESTINATION, b"\x7f\0\0\0") + attribute(_RTA_SOURCE, b"\x7f\0\0\1")
        place = _number(_RTA_DEVICE, index) + _number(_RTA_TABLE, table)
        self._netlink.ask(_NEWROUTE, about + destination + place, CREATE)

    @contextlib.contextmanager
    def with_rule(self, rule: RoutingRule) -> Iterator[None]:
        """The rule is there meanwhile."""
        self._netlink.ask(_NEWRULE, _body(rule), CREATE | EXCL)
        try:
            yield
        finally:
            self._netlink.ask(_DELRULE, _body(rule))

    @contextlib.contextmanager
    def without_rule(self, rule: RoutingRule) -> Iterator[None]:
        """The rule is not there meanwhile."""
        self._netlink.ask(_DELRULE, _body(rule))
        try:
            yield
        finally:
            self._netlink.ask(_NEWRULE, _body(rule), CREATE | EXCL)


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def _body(rule: RoutingRule) -> bytes:
    body = struct.pack("=8BI", socket.AF_INET, 0, 0, 0, 0, 0, 0, _TO_TABLE, 0)
    body += _number(_FRA_PRIORITY, rule.priority) + _number(_FRA_TABLE, rule.table)
    body += attribute(_FRA_MADE_BY, bytes([_KERNEL if rule.by_kernel else _STATIC]))
    if rule.arrived_on is not None:
        body += text(_FRA_ARRIVED_ON, rule.arrived_on)
    if rule.protocol is not None:
        body += attribute(_FRA_PROTOCOL, bytes([rule.protocol]))
    if rule.source_port is not None:
        body += attribute(_FRA_SOURCE_PORTS, struct.pack("=HH", rule.source_port, rule.source_port))
    return body
