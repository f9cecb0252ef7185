"""Refuse new connections at once, as when nobody listens; those that are open go on.

The first packet of a connection is answered by a reset instead of going on, so the one who asks gets ECONNREFUSED. TCP
only. A connection between two processes of the app counts as made to the one that answers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from chaos.faults.network.denied import Denial, denied, denying, met_by
from chaos.faults.network.denies import Denies
from chaos.faults.network.packets import Direction, Traffic
from chaos.faults.support.base import Delivered, Injection, Met, Sample, Target


@dataclass(frozen=True, kw_only=True)
class ConnectionRefused(Denies):
    """Refuse new TCP connections to and from one process, one port, or the whole app; of everybody, or of one peer."""

    mechanisms = ("nfqueue", "tun")

    type: Literal["connection_refused"] = "connection_refused"
    direction: Direction = "both"
    """in: connections that others make to the target. out: those that it makes. both: all of them."""

    @property
    def denial(self) -> Denial:
        """See Denies."""
        traffic = Traffic(self.process, self.port, self.peer, self.direction)
        return Denial(traffic, "reset", "opening", self.share, "refused_share", "ECONNREFUSED")

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter an attempt of ours was refused; on exit one succeeds."""
        notes = {"means": "new TCP connections; open ones go on", "direction": self.direction}
        with denying(target, self.denial, notes) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when our attempts were refused as often as asked, and a connection of the target's was, too."""
        return denied(self.denial, samples, "attempts to connect of the target's were refused")

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: what of the target's was denied."""
        return met_by(self.denial, samples, "attempts to connect were refused")
