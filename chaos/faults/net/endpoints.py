"""Where a dependency is reached: addresses and a port."""

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.net.flows import Flow


@dataclass(frozen=True)
class Endpoint:
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


def to_json(endpoints: Sequence[Endpoint]) -> list[dict[str, Any]]:
    """What goes to a helper."""
    return [{"address": endpoint.address, "port": endpoint.port} for endpoint in endpoints]


def from_json(endpoints: Sequence[Mapping[str, Any]]) -> list[Endpoint]:
    """The inverse of `to_json`."""
    return [Endpoint(endpoint["address"], endpoint["port"]) for endpoint in endpoints]


def of_host(host: str, port: int | None) -> list[Endpoint]:
    """Every address that the name has now. Raises InjectionError when it has none, or would mean everything here."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise InjectionError(f"host {host!r} has no address: {error.strerror}") from error
    addresses = sorted({str(address[0]).partition("%")[0] for *_, address in found})
    if port is None and any(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise InjectionError(f"host {host!r} is this machine: name a port too, or a process")
    return [Endpoint(address, port) for address in addresses]
