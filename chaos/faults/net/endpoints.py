"""Where a dependency is reached: addresses and a port."""

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.base import Target
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


def named(target: Target, host: str | None, process: str | None, port: int | None) -> list[Endpoint]:
    """Where a dependency is reached that a manifest names: a process's declared port, a host, or a port anywhere.

    Raises InjectionError.
    """
    name = process or host
    if port is None and name is not None and name in target.names():
        declared = target.port(name)
        if declared is None:
            raise InjectionError(f"process {name!r} declares no port")
        return [Endpoint(None, declared)]
    if process is not None:
        raise InjectionError(f"no process is named {name!r}; there are {', '.join(target.names())}")
    return [Endpoint(None, port)] if host is None else of_host(host, port)
