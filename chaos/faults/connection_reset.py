"""Reset connections: those that are open at once, and new ones as soon as something is sent on them.

A segment with data does not go on; both of its ends get a reset in its stead, as from a box between them that has
forgotten the connection. So a new connection is accepted, and lost with its first request. Where the kernel cannot end
open connections (CONFIG_INET_DIAG_DESTROY is off) they too are reset with what is sent next on them. TCP only.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.faults.base import Delivered, Fault, Injection, Sample, Target
from chaos.faults.net.denied import Denial, check, denied, denying
from chaos.faults.net.packets import Traffic
from chaos.units import Share


@dataclass(frozen=True, kw_only=True)
class ConnectionReset(Fault):
    """Reset TCP connections, open and new, of one process, one port, or the whole app; with everybody, or one peer."""

    type: Literal["connection_reset"] = "connection_reset"
    share: Share = 1.0
    """How many of the connections, each by its own chance from the run's seed: 5% to 100%."""
    process: str | None = None
    """Connections of this process: to it, and from it."""
    port: int | None = None
    """Connections of this port of ours. Neither process nor port: every process of the app."""
    peer: str | None = None
    """Only those with this host, address or process, alone or with a port: `db`, `10.0.0.7`, `db:5432`."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"share": "10%"},
        "medium": {"share": "50%"},
        "high": {"share": "100%"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})

    def __post_init__(self) -> None:
        check(self.share)
        _ = self._denial

    def minimum_hold_s(self) -> float:
        """See Fault: attempts of our own must be enough to tell the share."""
        return self._denial.hold_s

    @property
    def _denial(self) -> Denial:
        traffic = Traffic(self.process, self.port, self.peer, "both")
        return Denial(traffic, "reset", "data", self.share, "reset_share", "ECONNRESET", ends_open=True)

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter open connections were reset, and one of ours was; on exit one is answered."""
        notes = {"means": "open connections at once, new ones with their first data"}
        with denying(target, self._denial, notes) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when our connections were reset as often as asked, and one of the target's was, too."""
        return denied(self._denial, samples, "segments of the target's with data were answered by a reset")
