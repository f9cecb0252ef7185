"""What faults that deny connections have in common: whose, with whom, and how many of them."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from chaos.faults.network.denied import Denial, check
from chaos.faults.network.endpoints import parted
from chaos.faults.support.base import Fault
from chaos.units import Share


@dataclass(frozen=True, kw_only=True)
class Denies(Fault):
    """Connections of one process, one port, or the whole app; with everybody, or with one peer."""

    share: Share = 1.0
    """How many of the conversations, each by its own chance from the run's seed: 5% to 100%."""
    process: str | None = None
    """Traffic of this process: to it, and from it."""
    port: int | None = None
    """Traffic of this port of ours. Neither process nor port: every process of the app."""
    peer: str | None = None
    """Only those with this host, address or process, alone or with a port: `db`, `10.0.0.7`, `db:5432`."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"share": "10%"},
        "medium": {"share": "50%"},
        "high": {"share": "100%"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check(self.share)
        _ = self.denial

    def about_peer(self) -> tuple[str | None, int | None]:
        """See Fault."""
        return parted(self.peer) if self.peer else (None, None)

    def minimum_hold_s(self) -> float:
        """See Fault: attempts of our own must be enough to tell the share."""
        return self.denial.hold_s

    @property
    @abstractmethod
    def denial(self) -> Denial:
        """Which connections, and what is done to them. Raises ValueError for what excludes each other."""
