"""Hold a share of the packets that leave the target back, so that later ones overtake them.

A packet is overtaken only if its sender sends another one meanwhile: a lone answer just comes later. TCP puts the
bytes in order again, and may take an overtaken packet for lost (RFC 8985).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.faults.network.counted import Strike, check, judged, met_by, striking
from chaos.faults.network.packets import Traffic
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.units import PositiveDuration, Share

_SHORTEST_S, _LONGEST_S = 0.01, 1.0
_SETTLE_S = 0.15


@dataclass(frozen=True, kw_only=True)
class PacketReorder(Fault):
    """Let later packets overtake a share of those that leave one process, one port, or the whole app."""

    mechanisms = ("nfqueue", "tun")

    type: Literal["packet_reorder"] = "packet_reorder"
    reorder: Share = 0.1
    """0.1% to 90%."""
    by: PositiveDuration = 0.02
    """How long such a packet is held back: 10ms to 1s."""
    process: str | None = None
    """Packets that leave this process: answers from its ports, and requests to others."""
    port: int | None = None
    """Packets that leave this port. Neither process nor port: every process of the app."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"reorder": "1%"},
        "medium": {"reorder": "10%"},
        "high": {"reorder": "30%", "by": "50ms"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        Traffic(self.process, self.port)
        check(self.reorder, "reorder")
        if self.reorder > 0.9:
            raise ValueError(
                "reorder must be at most 90%: when all are held back alike, nothing overtakes them"
            )
        if not _SHORTEST_S <= self.by <= _LONGEST_S:
            raise ValueError("by must lie between 10ms and 1s")

    def minimum_hold_s(self) -> float:
        """See Fault: our own packets must be enough to tell the share."""
        return self._strike.hold_s

    @property
    def _strike(self) -> Strike:
        order = {"way": "overtaken", "share": self.reorder, "by_s": self.by}
        leaving = Traffic(self.process, self.port)
        return Strike(leaving, order, self.reorder, "late", "overtaken", settle_s=self.by + _SETTLE_S)

    def _asked(self) -> dict[str, float | str]:
        return {"reorder_share": self.reorder}

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """A packet of ours was overtaken on enter; on exit none is."""
        with striking(target, self._strike, self._asked(), {"held_back_s": self.by}) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        return judged(self._strike, "reorder_share", self._asked(), samples)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: packets of the target that were struck."""
        return met_by(self._strike, samples)
