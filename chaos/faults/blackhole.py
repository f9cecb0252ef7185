"""Drop packets without a word, as a partition or a firewall does: only timeouts notice.

Nobody is told: no reset, no ICMP message, no error from send. Connections that are open fall silent, and go on by
themselves afterwards when their retransmissions get through. TCP and UDP.
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
class Blackhole(Denies):
    """Let the packets of one process, one port, or the whole app vanish; those with everybody, or with one peer."""

    mechanisms = ("nfqueue", "tun")

    type: Literal["blackhole"] = "blackhole"
    direction: Direction = "both"
    """in: what should reach the target does not. out: what it sends gets nowhere. both: neither does."""

    @property
    def denial(self) -> Denial:
        """See Denies."""
        traffic = Traffic(self.process, self.port, self.peer, self.direction)
        return Denial(traffic, "vanished", "all", self.share, "silent_share", "timeout")

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter an attempt of ours got no answer; on exit one succeeds."""
        with denying(target, self.denial, {"direction": self.direction}) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when our attempts got no answer as often as asked, and packets of the target vanished, too."""
        return denied(self.denial, samples, "packets of the target vanished")

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: what of the target's was denied."""
        return met_by(self.denial, samples, "packets vanished")
