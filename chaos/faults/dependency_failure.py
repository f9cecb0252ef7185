"""Take a dependency away from the app: its connections or its name fail, in one of six ways.

refuse       new connections get ECONNREFUSED, open ones are reset: the dependency has crashed
reset        connections are accepted and reset as soon as a request is sent: it, or a proxy before it, is failing
blackhole    packets to it and from it vanish: the network is partitioned; only timeouts notice
nxdomain     its name does not exist
servfail     its name server fails
dns_timeout  its name server does not answer
"""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.faults.network.attempts import ANSWERED_S, RESOLVE_S
from chaos.faults.network.endpoints import NetworkEndpoint, named
from chaos.faults.network.failing import ENOUGH, judged, told
from chaos.faults.network.misnamed import looked_up, misnamed
from chaos.faults.network.outside import Attempts, Cut, connection_attempts, cut, lookup_attempts
from chaos.faults.support.apart import COMMANDS
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target, last

Mode = Literal["refuse", "blackhole", "reset", "nxdomain", "servfail", "dns_timeout"]

FAILS_AS: Mapping[str, str] = {
    "refuse": "ECONNREFUSED",
    "blackhole": "timeout",
    "reset": "ECONNRESET",
    "nxdomain": "EAI_NONAME",
    "servfail": "EAI_AGAIN",
    "dns_timeout": "timeout",
}
"""How an attempt of ours ends under each mode: an errno, an error of getaddrinfo(3), or no answer in time."""

_DNS_MODES = ("nxdomain", "servfail", "dns_timeout")
_WELL = ("connected", "resolved")
_WEB_PORT = 443
"""Tried when a host is cut off on every port."""


@dataclass(frozen=True, kw_only=True)
class DependencyFailure(Fault):
    """Make one dependency fail for everybody in the sandbox; name it by host (and port), by process, or by port."""

    mechanisms = ("nftables", "name-server")

    type: Literal["dependency_failure"] = "dependency_failure"
    host: str | None = None
    """A name or an address; with `port` only that port of it."""
    process: str | None = None
    """A process of the manifest: its declared port, or for the DNS modes its name."""
    port: int | None = None
    mode: Mode = "refuse"

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"mode": "refuse"},
        "medium": {"mode": "reset"},
        "high": {"mode": "blackhole"},
    }
    """From what an app notices at once to what only its timeouts notice."""
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.process is not None and (self.host is not None or self.port is not None):
            raise ValueError("process stands alone: name a process, or a host and port")
        if self.process is None and self.host is None and (self.port is None or self.mode in _DNS_MODES):
            raise ValueError("name the dependency: host or process" + ("" if self._by_name else ", or port"))
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError("port must lie between 1 and 65535")
        if self._by_name and self.host is not None and _is_address(self.host):
            raise ValueError(f"{self.mode} needs a host that is a name, not an address")

    def about_peer(self) -> tuple[str | None, int | None]:
        """See Fault."""
        return self.process or self.host, self.port

    @property
    def _by_name(self) -> bool:
        return self.mode in _DNS_MODES

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter an attempt of ours has failed in the asked way; on exit the way is free again."""
        with self._attempts(target) as attempts:
            before = attempts.first()
            with self._cut(target) as (mechanism, notes, met):
                attempts.await_failure(FAILS_AS[self.mode], payload=self.mode == "reset")
                yield Injection(
                    mechanism,
                    "real",
                    self._asked(),
                    lambda: told(
                        target, attempts, FAILS_AS[self.mode], healthy_before=before in _WELL, **met()
                    ),
                    notes={**notes, "before": before, "attempted": attempts.what},
                )
                attempts.end()  # a payload must not reach the dependency when it is back

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when at least 95 % of 3 or more attempts of ours failed as asked, and one before the fault did not."""
        found = judged(samples, FAILS_AS[self.mode])
        well = all(sample["healthy_before"] for sample in samples if "failed" in sample)
        why = found.why
        if found.count >= ENOUGH:
            why += "; it answered" if well else "; but the dependency did not answer"
            why += " before the fault" if well else " before the fault either"
        values = {"failed": found.share, "mode": self.mode}
        return Delivered(values, found.low, found.high, found.count, found.fits and well, why)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: questions of the app about its name, or its packets that were denied."""
        if self._by_name:
            return looked_up(samples, self._name)
        return Met.counted(
            last(samples, "app_packets"),
            None,
            f"packets of the app to {self._where} were cut off",
            f"the app sent nothing to {self._where}{COMMANDS if last(samples, 'unsure_packets') else ''}",
        )

    def _asked(self) -> dict[str, float | str]:
        return {"failed": 1.0, "mode": self.mode}

    def _cut(self, target: Target) -> AbstractContextManager[Cut]:
        if self._by_name:
            return misnamed(target, self.mode, self._name)
        return cut(target, self.mode, self._endpoints(target))

    def _attempts(self, target: Target) -> AbstractContextManager[Attempts]:
        if self._by_name:
            waits = self.mode == "dns_timeout"
            return lookup_attempts(target, self._name, RESOLVE_S if waits else ANSWERED_S, waits=waits)
        endpoints = self._endpoints(target)
        addresses = [endpoint.address for endpoint in endpoints if endpoint.address is not None]
        return connection_attempts(target, addresses or ["127.0.0.1", "::1"], endpoints[0].port or _WEB_PORT)

    @property
    def _where(self) -> str:
        port = f":{self.port}" if self.port is not None and self.host else ""
        return f"`{self._name}{port}`" if self._name else f"port {self.port}"

    @property
    def _name(self) -> str:
        return self.process or self.host or ""

    def _endpoints(self, target: Target) -> list[NetworkEndpoint]:
        return named(target, self.host, self.process, self.port)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
