"""Deliver a share of the packets that leave the target twice.

The copy is sent right after the packet itself. TCP and QUIC drop it; a protocol of one's own on UDP must do so itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.faults.network.counted import Strike, check, judged, met_by, striking
from chaos.faults.network.packets import Traffic
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.units import Share


@dataclass(frozen=True, kw_only=True)
class PacketDuplicate(Fault):
    """Send a share of the packets that leave one process, one port, or the whole app a second time."""

    mechanisms = ("nfqueue", "tun")

    type: Literal["packet_duplicate"] = "packet_duplicate"
    duplicate: Share = 0.1
    """0.1% to 100%."""
    process: str | None = None
    """Packets that leave this process: answers from its ports, and requests to others."""
    port: int | None = None
    """Packets that leave this port. Neither process nor port: every process of the app."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"duplicate": "1%"},
        "medium": {"duplicate": "10%"},
        "high": {"duplicate": "50%"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        Traffic(self.process, self.port)
        check(self.duplicate, "duplicate")

    def minimum_hold_s(self) -> float:
        """See Fault: our own packets must be enough to tell the share."""
        return self._strike.hold_s

    @property
    def _strike(self) -> Strike:
        order = {"way": "twice", "share": self.duplicate}
        return Strike(Traffic(self.process, self.port), order, self.duplicate, "doubled", "delivered twice")

    def _asked(self) -> dict[str, float | str]:
        return {"duplicate_share": self.duplicate}

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """A packet of ours came twice on enter; on exit none does."""
        with striking(target, self._strike, self._asked(), {}) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        return judged(self._strike, "duplicate_share", self._asked(), samples)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: packets of the target that were struck."""
        return met_by(self._strike, samples)
