"""Reset connections: those that are open at once, and new ones as soon as something is sent on them.

A segment with data does not go on; both of its ends get a reset in its stead, as from a box between them that has
forgotten the connection. So a new connection is accepted, and lost with its first request. Where the kernel cannot end
open connections (CONFIG_INET_DIAG_DESTROY is off) they too are reset with what is sent next on them. TCP only.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from chaos.faults.network.denied import Denial, denied, denying, met_by
from chaos.faults.network.denies import Denies
from chaos.faults.network.packets import Traffic
from chaos.faults.support.base import Delivered, Injection, Met, Sample, Target


@dataclass(frozen=True, kw_only=True)
class ConnectionReset(Denies):
    """Reset TCP connections, open and new, of one process, one port, or the whole app; with everybody, or one peer."""

    mechanisms = ("nfqueue", "tun")

    type: Literal["connection_reset"] = "connection_reset"

    @property
    def denial(self) -> Denial:
        """See Denies."""
        traffic = Traffic(self.process, self.port, self.peer, "both")
        return Denial(traffic, "reset", "data", self.share, "reset_share", "ECONNRESET", ends_open=True)

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter open connections were reset, and one of ours was; on exit one is answered."""
        notes = {"means": "open connections at once, new ones with their first data"}
        with denying(target, self.denial, notes) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when our connections were reset as often as asked, and one of the target's was, too."""
        return denied(self.denial, samples, "segments of the target's with data were answered by a reset")

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: what of the target's was denied."""
        return met_by(self.denial, samples, "segments with data were answered by a reset")
