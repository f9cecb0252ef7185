"""Drop packets without a word, as a partition or a firewall does: only timeouts notice.

Nobody is told: no reset, no ICMP message, no error from send. Connections that are open fall silent, and go on by
themselves afterwards when their retransmissions get through. TCP and UDP.
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
class Blackhole(Fault):
    """Let the packets of one process, one port, or the whole app vanish; those with everybody, or with one peer."""

    type: Literal["blackhole"] = "blackhole"
    share: Share = 1.0
    """How many of the conversations, each by its own chance from the run's seed and with every packet: 5% to 100%."""
    process: str | None = None
    """Packets of this process: of its ports, and of its connections to others."""
    port: int | None = None
    """Packets of this port of ours. Neither process nor port: every process of the app."""
    peer: str | None = None
    """Only those exchanged with this host, address or process, alone or with a port: `db`, `10.0.0.7`, `db:5432`."""
    direction: Direction = "both"
    """in: what should reach the target does not. out: what it sends gets nowhere. both: neither does."""

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
        return Denial(traffic, "vanished", "all", self.share, "silent_share", "timeout")

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter an attempt of ours got no answer; on exit one succeeds."""
        with denying(target, self._denial, {"direction": self.direction}) as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when our attempts got no answer as often as asked, and packets of the target vanished, too."""
        return denied(self._denial, samples, "packets of the target vanished")
