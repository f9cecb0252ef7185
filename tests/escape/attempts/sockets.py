"""Sockets: abstract and named unix sockets of agent and host, its loopback, families that nobody needs."""

import contextlib
import ctypes
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from . import calls
from .core import Refused, attempt
from .places import canary, first

_ODD = {
    "AF_AX25": 3, "AF_IPX": 4, "AF_APPLETALK": 5, "AF_NETROM": 6, "AF_X25": 9, "AF_ROSE": 11, "AF_DECnet": 12,
    "AF_KEY": 15, "AF_RDS": 21, "AF_PPPOX": 24, "AF_LLC": 26, "AF_IB": 27, "AF_CAN": 29, "AF_TIPC": 30,
    "AF_BLUETOOTH": 31, "AF_RXRPC": 33, "AF_PHONET": 35, "AF_IEEE802154": 36, "AF_CAIF": 37, "AF_NFC": 39, "AF_KCM": 41,
    "AF_QIPCRTR": 42, "AF_SMC": 43, "AF_XDP": 44, "AF_MCTP": 45,
}  # fmt: skip


def _reached(family: int, address: object) -> bool:
    with socket.socket(family) as line:
        line.settimeout(0.5)
        try:
            line.connect(address)  # type: ignore[arg-type]
        except OSError:
            return False
    return True


@attempt("sockets")
def dials_an_abstract_socket_of_the_host() -> str:
    """X11, D-Bus, containerd once (CVE-2020-15257): a canary listens."""
    if not _reached(socket.AF_UNIX, "\0" + canary()["abstract"]):
        raise Refused("nobody answers")
    return canary()["abstract"]


@attempt("sockets")
def dials_a_named_socket_of_the_host() -> str:
    """By its path."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(canary()["socket"])
    return canary()["socket"]


@attempt("sockets")
def dials_any_socket_of_a_stranger() -> str:
    """Those that /proc/net/unix names, abstract and by path: of its network namespace, so also the agent's."""
    names = {
        words[7]
        for line in Path("/proc/net/unix").read_text().splitlines()[1:]
        if len(words := line.split()) > 7
    }
    return first(
        _answering({name for name in names if "attempts" not in name}), f"none of {len(names)} answers"
    )


def _answering(names: set[str]) -> Iterator[str]:
    for name in names:
        if _reached(socket.AF_UNIX, name.replace("@", "\0", 1) if name.startswith("@") else name):
            yield name


@attempt("sockets")
def dials_a_port_of_the_host() -> str:
    """A server on the host's loopback, and on each of its addresses: Prefect's and Grafana's are such."""
    port = int(canary()["port"])
    addresses = [("127.0.0.1", port), *((address, port) for address in canary()["addresses"].split())]
    return first((f"{each}" for each in addresses if _reached(socket.AF_INET, each)), f"none of {addresses}")


@attempt("sockets")
def dials_the_host_by_ipv6() -> str:
    """The same on ::1."""
    if not _reached(socket.AF_INET6, ("::1", int(canary()["port"]))):
        raise Refused("nobody answers")
    return "::1"


@attempt("sockets")
def opens_a_vsock() -> str:
    """A socket to the hypervisor: no namespace divides them."""
    with socket.socket(40, socket.SOCK_STREAM):
        return "AF_VSOCK"


@attempt("sockets")
def opens_the_kernels_ciphers() -> str:
    """AF_ALG."""
    with socket.socket(38, socket.SOCK_SEQPACKET):
        return "AF_ALG"


@attempt("sockets")
def opens_an_odd_family() -> str:
    """Old protocols, and modules that the kernel would load for them."""
    found = []
    for name, number in _ODD.items():
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            with contextlib.suppress(OSError):
                socket.socket(number, kind).close()
                found.append(name)
    if not found:
        raise Refused(f"none of {len(_ODD)}")
    return f"{sorted(set(found))}"


@attempt("sockets")
def receives_a_descriptor_from_its_own_stdin() -> str:
    """Descriptors 0 to 2 are no sockets, by which more could be asked for."""
    for number in (0, 1, 2):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as line:
            return f"descriptor {number} is a socket: {line.family}"
    raise Refused("none of them is a socket")


@attempt("sockets")
def opens_a_pair_over_vsock_by_socketpair() -> str:
    """socketpair(2) has the same families and its own number in filters."""
    for name, number in {"AF_VSOCK": 40, "AF_TIPC": 30, "AF_ALG": 38}.items():
        with contextlib.suppress(OSError):
            one, other = socket.socketpair(number, socket.SOCK_STREAM)
            one.close()
            other.close()
            return name
    raise Refused("none of them")


@attempt("sockets")
def rings_the_kernel_asynchronously() -> str:
    """io_uring opens and connects past filters of system calls."""
    parameters = ctypes.create_string_buffer(120)
    return f"a ring: descriptor {calls.call('io_uring_setup', 4, parameters)}"
