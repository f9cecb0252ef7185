"""Refuse new connections at once, as when nobody listens; those that are open go on.

The first packet of a connection is answered by a reset instead of going on, so the one who asks gets ECONNREFUSED. TCP
only. A connection between two processes of the app counts as made to the one that answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.faults.base import Delivered, Fault, Injection, Sample, Target
from chaos.faults.net.denied import Denial, check, denied, denying
from chaos.faults.net.packets import Direction, Traffic
from chaos.units import Share


@dataclass(frozen=True, kw_only=True)
class ConnectionRefused(Fault):
    """Refuse new TCP connections to and from one process, one port, or the whole app; of everybody, or of one peer."""

    type: Literal["connection_refused"] = "connection_refused"
    share: Share = 1.0
    """How many of the new connections, each by its own chance from the run's seed: 5% to 100%."""
    process: str | None = None
    """Connections to this process and from it."""
    port: int | None = None
    """Connections to this port of ours. Neither process nor port: every process of the app."""
    peer: str | None = None
    """Only those with this host, address or process, alone or with a port: `db`, `10.0.0.7`, `db:5432`."""
    direction: Direction = "both"
    """in: connections that others make to the target. out: those that it makes. both: all of them."""

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
        traffic = Traffic(self.process, self.port, self.peer, self.direction)
        return Denial(traffic, "reset", "opening", self.share, "refused_share", "ECONNREFUSED")

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter an attempt of ours was refused; on exit one succeeds."""
        notes = {"means": "new TCP connections; open ones go on", "direction": self.direction}
        with denying(target, self._denial, notes) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when our attempts were refused as often as asked, and a connection of the target's was, too."""
        return denied(self._denial, samples, "attempts to connect of the target's were refused")
