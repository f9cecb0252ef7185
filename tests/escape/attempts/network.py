"""The network: the namespace is the agent's; an app that steers it takes faults away, or makes its own."""

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator

from .core import ANYBODY, Refused, attempt
from .places import first

_NETLINK_ROUTE, _NETLINK_SOCK_DIAG, _NETLINK_NETFILTER, _NETLINK_XFRM, _NETLINK_AUDIT = 0, 4, 12, 6, 9
_REQUEST, _ACK, _CREATE, _EXCL = 0x1, 0x4, 0x400, 0x200
_NEWLINK, _NEWADDR, _NEWROUTE, _NEWQDISC = 16, 20, 24, 36
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR = 0x8913, 0x8914, 0x8916


def _asked(protocol: int, *messages: tuple[int, int, bytes]) -> None:
    """Send messages (type, flags, body) at once; raise OSError as the kernel answers to one of them."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as line:
        line.settimeout(1)
        line.bind((0, 0))
        whole = b""
        for sequence, (kind, flags, body) in enumerate(messages):
            padded = body + b"\0" * (-len(body) % 4)
            whole += struct.pack("=LHHLL", 16 + len(body), kind, _REQUEST | flags, sequence, 0) + padded
        line.send(whole)
        if not any(flags & _ACK for _, flags, _ in messages):
            return
        answer = line.recv(4096)
        code = struct.unpack_from("=i", answer, 16)[0]
        if code:
            raise OSError(-code, os.strerror(-code))


def _attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


@attempt("network")
def adds_an_address() -> str:
    """By rtnetlink(7); 127.0.0.77 is on the loopback already, the right is what is asked for."""
    body = struct.pack("BBBBi", socket.AF_INET, 8, 0, 0, 1) + _attribute(2, bytes([127, 0, 0, 77]))
    _asked(_NETLINK_ROUTE, (_NEWADDR, _ACK | _CREATE, body))
    return "127.0.0.77 on lo"


@attempt("network", open_to=ANYBODY)
def adds_a_route() -> str:
    """Around a fault."""
    body = struct.pack("BBBBBBBBI", socket.AF_INET, 32, 0, 0, 254, 4, 0, 1, 0)
    body += _attribute(1, bytes([10, 9, 8, 7])) + _attribute(4, struct.pack("i", 1))
    _asked(_NETLINK_ROUTE, (_NEWROUTE, _ACK | _CREATE, body))
    return "a route to 10.9.8.7"


@attempt("network")
def makes_a_network_link() -> str:
    """A dummy, a bridge, a veth: hundreds of kinds, each a module of the kernel."""
    kind = _attribute(18, _attribute(1, b"dummy\0"))
    for name, nested in (
        ("dummy", kind),
        ("bridge", _attribute(18, _attribute(1, b"bridge\0"))),
        ("lo", b""),
    ):
        body = (
            struct.pack("BBHiII", 0, 0, 0, 1 if name == "lo" else 0, 0x1, 0x1 if name == "lo" else 0) + nested
        )
        with contextlib.suppress(OSError):
            _asked(_NETLINK_ROUTE, (_NEWLINK, _ACK | (0 if name == "lo" else _CREATE | _EXCL), body))
            return f"{name} made, or changed"
    raise Refused("no link can be made or changed")


@attempt("network")
def shapes_the_traffic() -> str:
    """A queueing discipline: takes a delay's own away. An unknown kind is asked for: ENOENT says that it may."""
    body = struct.pack("BBHiIII", 0, 0, 0, 1, 0, 0xFFFFFFFF, 0) + _attribute(1, b"no_such_kind\0")
    try:
        _asked(_NETLINK_ROUTE, (_NEWQDISC, _ACK | _CREATE, body))
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
    return "the kernel only misses the kind"


@attempt("network", open_to=ANYBODY)
def changes_the_rules_of_packets() -> str:
    """A table of nftables: rules of its own, or none of the agent's."""
    message = struct.pack("BBH", 1, 0, 0) + _attribute(1, b"escaped\0")
    batch = struct.pack("BBH", 0, 0, socket.htons(10))
    _asked(_NETLINK_NETFILTER, (0x10, 0, batch), ((10 << 8) | 0, _CREATE | _ACK, message), (0x11, 0, batch))
    return "a table"


@attempt("network", open_to=ANYBODY)
def takes_a_packet_queue() -> str:
    """nfnetlink_queue: the one through which faults delay and drop."""
    message = struct.pack("BBH", 0, 0, socket.htons(61234)) + _attribute(1, struct.pack("BBH", 1, 0, 0))
    _asked(_NETLINK_NETFILTER, ((3 << 8) | 2, _ACK, message))
    return "queue 61234"


@attempt("network", open_to=ANYBODY)
def destroys_a_socket() -> str:
    """SOCK_DESTROY of sock_diag(7), of one of its own: the kernel asks for power over the network, not whose it is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address, port = server.getsockname()
        body = struct.pack("BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + struct.pack(
            "!HH", port, 0
        )
        body += socket.inet_aton(address) + b"\0" * 12 + b"\0" * 16 + b"\0" * 4 + b"\xff" * 8
        _asked(_NETLINK_SOCK_DIAG, (21, _ACK, body))
        return f"the listener on port {port}"


@attempt("network", open_to=ANYBODY)
def listens_to_every_packet() -> str:
    """A packet socket: the agent's probes and answers."""
    with socket.socket(17, socket.SOCK_RAW, socket.htons(3)):
        return "AF_PACKET"


@attempt("network", open_to=ANYBODY)
def sends_packets_of_its_own_making() -> str:
    """A raw socket: answers in another's name."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW):
        return "raw IPv4"


@attempt("network", open_to=ANYBODY)
def marks_its_packets() -> str:
    """SO_MARK: the mark of the faults' own packets, which their rules let through."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setsockopt(socket.SOL_SOCKET, 36, 1)
        return "marked"


@attempt("network", open_to=ANYBODY)
def answers_for_any_address() -> str:
    """IP_TRANSPARENT."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_IP, 19, 1)
        return "transparent"


@attempt("network", open_to=ANYBODY)
def sets_flags_of_the_loopback() -> str:
    """Down, and no probe sees anything: the present flags are set again."""
    with socket.socket() as line:
        request = fcntl.ioctl(line, _SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        fcntl.ioctl(line, _SIOCSIFFLAGS, request)
        return "lo could be taken down"


@attempt("network")
def steers_the_firewall_of_old() -> str:
    """iptables by setsockopt(2): IPT_SO_SET_REPLACE."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as line:
        line.setsockopt(socket.SOL_IP, 64, b"\0" * 96)
        return "replaced"


@attempt("network")
def talks_to_audit_or_ipsec() -> str:
    """Netlink families of the whole machine, and of its network."""
    return first(_talks(), "neither")


def _talks() -> Iterator[str]:
    for name, protocol, kind, body in (
        ("audit", _NETLINK_AUDIT, 1000, b""),
        ("xfrm", _NETLINK_XFRM, 0x1C, b"\0\0\0\0"),
    ):
        with contextlib.suppress(OSError):
            _asked(protocol, (kind, _ACK, body))
            yield name
