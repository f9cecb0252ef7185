"""Packet rules in a table that the kernel removes when its owner's socket closes, even by SIGKILL.

nf_tables through raw nfnetlink; no `nft` or `iptables` program is needed. Messages, attributes and keys are
those of <linux/netfilter/nf_tables.h>; NFT_TABLE_F_OWNER needs Linux 5.12. A rule is a sequence of
expressions, each leaves its operand in register 1 for the next or ends the rule when it does not match.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from chaos.faults.network.netlink import (
    APPEND,
    CREATE,
    DUMP,
    EXCL,
    NETFILTER,
    Netlink,
    NetlinkMessage,
    attribute,
    attributes,
    be16,
    be32,
    nest,
    text,
)

TCP, UDP = 6, 17
LOOPBACK_INDEX = 1
"""The loopback device has this index in every network namespace (LOOPBACK_IFINDEX in <net/flow.h>)."""

_INET = 1  # NFPROTO_INET: IPv4 and IPv6
_NFTABLES = 10  # NFNL_SUBSYS_NFTABLES
_NEWTABLE, _NEWCHAIN, _NEWRULE, _GETRULE = 0, 3, 6, 7
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_TABLE_OWNED = 2
_REGISTER = be32(1)
_VERDICT_REGISTER = be32(0)
_EQUAL, _DIFFERENT, _AT_MOST, _GREATER = 0, 1, 3, 4
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_META_LENGTH, _META_MARK, _META_IN, _META_OUT, _META_FAMILY, _META_PROTOCOL = 0, 3, 4, 5, 15, 16
_DROP, _ACCEPT = 0, 1
_TCP_FLAGS_OFFSET = 13
_HTON = 1

Rule = bytes
"""Expressions, one after the other."""


class Hook(IntEnum):
    """Where a chain looks (NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT in <linux/netfilter.h>)."""

    PRE_ROUTING = 0
    LOCAL_IN = 1
    LOCAL_OUT = 3


@dataclass(frozen=True)
class NftChain:
    """Rules at one hook, in order; what no rule takes is accepted."""

    name: str
    hook: Hook
    rules: Sequence[Rule]
    kind: Literal["filter", "nat"] = "filter"
    """A nat chain sees the first packet of each connection only."""

    @property
    def priority(self) -> int:
        """NF_IP_PRI_FILTER or NF_IP_PRI_NAT_DST of <linux/netfilter_ipv4.h>."""
        return 0 if self.kind == "filter" else -100


class Table:
    """One owned table; it exists from `install` to `close` or to the end of this process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._netlink = Netlink(NETFILTER)

    def install(self, chains: Sequence[NftChain]) -> None:
        """Put all chains in place at once, or none. Raises OSError with the kernel's reason."""
        orders = [_order(_NEWTABLE, CREATE | EXCL, text(1, self._name), attribute(2, be32(_TABLE_OWNED)))]
        for chain in chains:
            hook = nest(4, attribute(1, be32(chain.hook)), attribute(2, be32(chain.priority)))
            names = text(1, self._name), text(3, chain.name)
            orders.append(_order(_NEWCHAIN, CREATE, *names, hook, text(7, chain.kind)))
            names = text(1, self._name), text(2, chain.name)
            orders += [_order(_NEWRULE, CREATE | APPEND, *names, nest(4, rule)) for rule in chain.rules]
        begin = NetlinkMessage(_BATCH_BEGIN, 0, struct.pack("!BBH", 0, 0, _NFTABLES))
        end = NetlinkMessage(_BATCH_END, 0, struct.pack("!BBH", 0, 0, _NFTABLES))
        self._netlink.transact(begin, orders, end)

    def counts(self) -> list[int]:
        """Packets of every counter of the table, in the order of the rules."""
        order = _order(_GETRULE, DUMP, text(1, self._name))
        rules = self._netlink.ask(order.kind, order.body, order.flags)
        return [packets for rule in rules for packets in _counters(rule[4:])]

    def close(self) -> None:
        """Remove the table with all that is in it."""
        self._netlink.close()


def _order(kind: int, flags: int, *parts: bytes) -> NetlinkMessage:
    return NetlinkMessage(_NFTABLES << 8 | kind, flags, struct.pack("!BBH", _INET, 0, 0) + b"".join(parts))


def _counters(rule: bytes) -> list[int]:
    expressions = dict(attributes(rule)).get(4, b"")
    found = []
    for _, expression in attributes(expressions):
        parts = dict(attributes(expression))
        if parts.get(1) == b"counter\0":
            found.append(int.from_bytes(dict(attributes(parts[2]))[2], "big"))
    return found


def _expression(name: str, *parts: bytes) -> Rule:
    return nest(1, text(1, name), nest(2, *parts))


def _meta(key: int) -> Rule:
    return _expression("meta", attribute(1, _REGISTER), attribute(2, be32(key)))


def _payload(base: int, offset: int, length: int) -> Rule:
    place = attribute(2, be32(base)), attribute(3, be32(offset)), attribute(4, be32(length))
    return _expression("payload", attribute(1, _REGISTER), *place)


def _compare(operator: int, value: bytes) -> Rule:
    return _expression(
        "cmp", attribute(1, _REGISTER), attribute(2, be32(operator)), nest(3, attribute(1, value))
    )


def protocol(number: int) -> Rule:
    """Packets of that transport protocol."""
    return _meta(_META_PROTOCOL) + _compare(_EQUAL, bytes([number]))


def arrived_on(device: int) -> Rule:
    """Packets that came in by the device of that index."""
    return _meta(_META_IN) + _compare(_EQUAL, struct.pack("=I", device))


def arrived_on_other_than(device: int) -> Rule:
    """Packets that came in by any other device."""
    return _meta(_META_IN) + _compare(_DIFFERENT, struct.pack("=I", device))


def leaves_by_other_than(device: int) -> Rule:
    """Packets that go out by any other device."""
    return _meta(_META_OUT) + _compare(_DIFFERENT, struct.pack("=I", device))


def source_port(port: int) -> Rule:
    """TCP or UDP packets from that port."""
    return _payload(_TRANSPORT_HEADER, 0, 2) + _compare(_EQUAL, be16(port))


def destination_port(port: int) -> Rule:
    """TCP or UDP packets to that port."""
    return _payload(_TRANSPORT_HEADER, 2, 2) + _compare(_EQUAL, be16(port))


def marked(mark: int) -> Rule:
    """Packets of sockets that carry that mark (SO_MARK)."""
    return _meta(_META_MARK) + _compare(_EQUAL, struct.pack("=I", mark))


def not_marked(mark: int) -> Rule:
    """Packets of all other sockets."""
    return _meta(_META_MARK) + _compare(_DIFFERENT, struct.pack("=I", mark))


def _address(value: bytes, offsets: tuple[int, int]) -> Rule:
    family, offset = (2, offsets[0]) if len(value) == 4 else (10, offsets[1])  # NFPROTO_IPV4, NFPROTO_IPV6
    of_family = _meta(_META_FAMILY) + _compare(_EQUAL, bytes([family]))
    return of_family + _payload(_NETWORK_HEADER, offset, len(value)) + _compare(_EQUAL, value)


def source_address(value: bytes) -> Rule:
    """Packets from that address: 4 bytes for IPv4, 16 for IPv6."""
    return _address(value, (12, 8))


def destination_address(value: bytes) -> Rule:
    """Packets to that address: 4 bytes for IPv4, 16 for IPv6."""
    return _address(value, (16, 24))


def tcp_flags(mask: int, *, clear: bool = False) -> Rule:
    """TCP packets with any flag of `mask` set; with `clear`, with none of them."""
    flags = _payload(_TRANSPORT_HEADER, _TCP_FLAGS_OFFSET, 1)
    register = attribute(1, _REGISTER), attribute(2, _REGISTER), attribute(3, be32(1))
    keep = nest(4, attribute(1, bytes([mask]))), nest(5, attribute(1, b"\0"))
    return flags + _expression("bitwise", *register, *keep) + _compare(_EQUAL if clear else _DIFFERENT, b"\0")


def longer_than(length: int) -> Rule:
    """Packets of more bytes than that, headers included."""
    return _length(_GREATER, length)


def not_longer_than(length: int) -> Rule:
    """Packets of so many bytes at most, headers included."""
    return _length(_AT_MOST, length)


def _length(operator: int, length: int) -> Rule:
    order = attribute(3, be32(_HTON)), attribute(4, be32(4)), attribute(5, be32(4))
    swap = _expression("byteorder", attribute(1, _REGISTER), attribute(2, _REGISTER), *order)
    return _meta(_META_LENGTH) + swap + _compare(operator, be32(length))


def counter() -> Rule:
    """Count what comes this far."""
    return _expression("counter")


def drop() -> Rule:
    """End the packet."""
    return _end(_DROP)


def accept() -> Rule:
    """Let the packet pass this chain."""
    return _end(_ACCEPT)


def _end(code: int) -> Rule:
    verdict = nest(2, nest(2, attribute(1, be32(code))))
    return _expression("immediate", attribute(1, _VERDICT_REGISTER), verdict)


def reset() -> Rule:
    """Answer a TCP packet with a reset and drop it (NFT_REJECT_TCP_RST)."""
    return _expression("reject", attribute(1, be32(1)), attribute(2, b"\0"))


def unreachable() -> Rule:
    """Answer with ICMP port unreachable and drop it (NFT_REJECT_ICMPX_PORT_UNREACH)."""
    return _expression("reject", attribute(1, be32(2)), attribute(2, b"\1"))


def queue(number: int) -> Rule:
    """Hand the packet to user space; it passes when nobody listens (nft_queue, NFT_QUEUE_FLAG_BYPASS)."""
    return _expression("queue", attribute(1, be16(number)), attribute(2, be16(1)), attribute(3, be16(1)))


def queue_by_target(number: int) -> Rule:
    """The same through the older NFQUEUE target, for kernels without nft_queue.

    struct xt_NFQ_info_v3 of <linux/netfilter/xt_NFQUEUE.h>: number, how many queues, NFQ_FLAG_BYPASS;
    aligned to 8.
    """
    facts = struct.pack("=HHH2x", number, 1, 1)
    return _expression("target", text(1, "NFQUEUE"), attribute(2, be32(3)), attribute(3, facts))


def redirect(port: int) -> Rule:
    """Lead a connection to that port of this machine instead; only in nat chains (NFTA_REDIR_REG_PROTO_MIN)."""
    number = nest(2, attribute(1, be16(port)))
    load = _expression("immediate", attribute(1, _REGISTER), number)
    return load + _expression("redir", attribute(1, _REGISTER))
