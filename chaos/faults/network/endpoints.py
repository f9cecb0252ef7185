"""Where somebody is reached: addresses and a port."""

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.network import nft
from chaos.faults.network.flows import Flow
from chaos.faults.support.base import Target


@dataclass(frozen=True)
class NetworkEndpoint:
    """A place; None stands for every address or every port."""

    address: str | None
    port: int | None

    @property
    def packed(self) -> bytes | None:
        """The address as in a packet, 4 or 16 bytes."""
        return None if self.address is None else ipaddress.ip_address(self.address).packed

    def sends(self, flow: Flow) -> bool:
        """Whether this flow leaves from here."""
        return self.packed in (None, flow.source) and self.port in (None, flow.source_port)

    @property
    def from_here(self) -> nft.Rule:
        """TCP or UDP packets that leave from here."""
        address = b"" if self.packed is None else nft.source_address(self.packed)
        return address + (b"" if self.port is None else nft.source_port(self.port))

    @property
    def to_here(self) -> nft.Rule:
        """TCP or UDP packets that go here."""
        address = b"" if self.packed is None else nft.destination_address(self.packed)
        return address + (b"" if self.port is None else nft.destination_port(self.port))


def to_json(endpoints: Sequence[NetworkEndpoint]) -> list[dict[str, Any]]:
    """What goes to a helper."""
    return [{"address": endpoint.address, "port": endpoint.port} for endpoint in endpoints]


def from_json(endpoints: Sequence[Mapping[str, Any]]) -> list[NetworkEndpoint]:
    """The inverse of `to_json`."""
    return [NetworkEndpoint(endpoint["address"], endpoint["port"]) for endpoint in endpoints]


def addresses_of(host: str) -> list[str]:
    """Every address that the name has now. Raises InjectionError when it has none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise InjectionError(f"host {host!r} has no address: {error.strerror}") from error
    return sorted({str(address[0]).partition("%")[0] for *_, address in found})


def of_host(host: str, port: int | None) -> list[NetworkEndpoint]:
    """Every address of a host. Raises InjectionError when it has none, or would mean everything here."""
    addresses = addresses_of(host)
    if port is None and any(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise InjectionError(f"host {host!r} is this machine: name a port too, or a process")
    return [NetworkEndpoint(address, port) for address in addresses]


def named(target: Target, host: str | None, process: str | None, port: int | None) -> list[NetworkEndpoint]:
    """Where a dependency is reached that a manifest names: a process's declared port, a host, or a port anywhere.

    Raises InjectionError.
    """
    name = process or host
    if port is None and name is not None and name in target.names():
        declared = target.port(name)
        if declared is None:
            raise InjectionError(f"process {name!r} declares no port")
        return [NetworkEndpoint(None, declared)]
    if process is not None:
        raise InjectionError(f"no process is named {name!r}; there are {', '.join(target.names())}")
    return [NetworkEndpoint(None, port)] if host is None else of_host(host, port)


def parted(peer: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `10.0.0.7`, `::1` or `[::1]:port` as host and port. Raises ValueError."""
    match = re.fullmatch(r"\[([^\[\]]+)\](?::([0-9]{1,5}))?|([^:\[\]\s]+)(?::([0-9]{1,5}))?", peer)
    if match is None and peer.count(":") > 1:
        try:
            return str(ipaddress.IPv6Address(peer)), None
        except ValueError:
            pass
    if match is None:
        raise ValueError(
            "peer must be a host or an address, alone or with a port, such as db:5432 or [::1]:80"
        )
    port = match[2] or match[4]
    if port is not None and not 1 <= int(port) <= 65535:
        raise ValueError("peer: the port must lie between 1 and 65535")
    return match[1] or match[3], None if port is None else int(port)


def of_peer(target: Target, peer: str) -> list[NetworkEndpoint]:
    """Where a peer is reached now: a process of the manifest by its declared port, or a host. Raises InjectionError."""
    host, port = parted(peer)
    if host in target.names():
        return named(target, None, host, None) if port is None else [NetworkEndpoint(None, port)]
    return [NetworkEndpoint(address, port) for address in addresses_of(host)]
