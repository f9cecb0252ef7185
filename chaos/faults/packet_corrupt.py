"""Change a bit in a share of the packets that leave the target.

The receiver's kernel sees that the checksum is wrong and discards the packet, as it does with one that a wire has
garbled: the app sees a loss, never wrong bytes. The kernel counts such packets (InCsumErrors in /proc/net/snmp).
Loopback packets carry no checksum that is looked at, so the packet is dropped and sent again by us, with its checksum
and the wrong bit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from chaos.faults.network.counted import Strike, check, judged, met_by, striking
from chaos.faults.network.packets import Traffic
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.units import Share


@dataclass(frozen=True, kw_only=True)
class PacketCorrupt(Fault):
    """Change one bit of the payload in a share of the packets that leave one process, one port, or the whole app."""

    mechanisms = ("nfqueue", "tun")

    type: Literal["packet_corrupt"] = "packet_corrupt"
    corrupt: Share = 0.05
    """0.1% to 100%."""
    process: str | None = None
    """Packets that leave this process: answers from its ports, and requests to others."""
    port: int | None = None
    """Packets that leave this port. Neither process nor port: every process of the app."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"corrupt": "1%"},
        "medium": {"corrupt": "5%"},
        "high": {"corrupt": "20%"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        Traffic(self.process, self.port)
        check(self.corrupt, "corrupt")

    def minimum_hold_s(self) -> float:
        """See Fault: our own packets must be enough to tell the share."""
        return self._strike.hold_s

    @property
    def _strike(self) -> Strike:
        order = {"way": "changed", "share": self.corrupt}
        leaving = Traffic(self.process, self.port)
        return Strike(leaving, order, self.corrupt, "lost", "discarded for their checksum")

    def _asked(self) -> dict[str, float | str]:
        return {"corrupt_share": self.corrupt}

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """A packet of ours was discarded on enter; on exit none is."""
        notes = {"receiver": "its kernel discards the packet for its checksum; the app sees a loss"}
        with striking(target, self._strike, self._asked(), notes) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed only if the kernel counted as many bad checksums as packets of ours are missing."""
        delivered = judged(self._strike, "corrupt_share", self._asked(), samples)
        last = samples[-1] if samples else {}
        bad, lost = int(last.get("checksum_errors", 0)), int(last.get("lost", 0))
        why = f"{delivered.why}; the kernel counted {bad:,} bad checksums in all"
        return replace(delivered, landed=delivered.landed and bad >= lost, why=why)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: packets of the target that were struck."""
        return met_by(self._strike, samples)
