"""Lose a share of the packets that leave the target, one by one or in bursts.

What is lost is lost in the kernel, and TCP sends it again after a while: a busy connection within a round trip, a quiet
one after 200 ms at least, a new one after a second (RFC 6298, and TCP_RTO_MIN in Linux).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.faults.network.counted import Strike, check, judged, met_by, striking
from chaos.faults.network.packets import Traffic
from chaos.faults.network.treatment import into_bad
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.units import Share


@dataclass(frozen=True, kw_only=True)
class PacketLoss(Fault):
    """Drop a share of the packets that leave one process, one port, or the whole app, handshakes included.

    On loopback a packet is what the kernel hands over at once: up to 64 KiB of a stream, not 1500 bytes.
    """

    mechanisms = ("nfqueue", "tun")

    type: Literal["packet_loss"] = "packet_loss"
    loss: Share = 0.05
    """0.1% to 100%."""
    burst: float | None = None
    """Packets lost in a row, on average (Gilbert's model). Left out: each is lost by itself."""
    process: str | None = None
    """Packets that leave this process: answers from its ports, and requests to others."""
    port: int | None = None
    """Packets that leave this port. Neither process nor port: every process of the app."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"loss": "1%"},
        "medium": {"loss": "5%"},
        "high": {"loss": "20%"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        Traffic(self.process, self.port)
        check(self.loss, "loss")
        if self.burst is None:
            return
        if not 1 <= self.burst <= 100:
            raise ValueError("burst must lie between 1 and 100 packets")
        if self.loss < 1 and into_bad(self.loss, self.burst) > 1:
            raise ValueError(
                f"a loss of {self.loss:.0%} needs a burst of at least {self.loss / (1 - self.loss):.2f}"
            )

    def minimum_hold_s(self) -> float:
        """See Fault: our own packets must be enough to tell the share."""
        return self._strike.hold_s

    @property
    def _strike(self) -> Strike:
        order = {"way": "loss", "share": self.loss, "burst": self.burst}
        return Strike(Traffic(self.process, self.port), order, self.loss, "lost", "lost", self._clumping())

    def _clumping(self) -> float:
        """(1 + r) / (1 - r), where r, the correlation of one packet's fate with the next one's, is 1 - in - out."""
        if self.burst is None or self.loss >= 1:
            return 1.0
        leaving = into_bad(self.loss, self.burst) + 1 / self.burst
        return max(1.0, (2 - leaving) / leaving)

    def _asked(self) -> dict[str, float | str]:
        return {"loss_share": self.loss}

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """A packet of ours was lost on enter; on exit none is."""
        notes = {} if self.burst is None else {"burst": f"{self.burst:g} packets in a row on average"}
        with striking(target, self._strike, self._asked(), notes) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        return judged(self._strike, "loss_share", self._asked(), samples)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: packets of the target that were struck."""
        return met_by(self._strike, samples)
