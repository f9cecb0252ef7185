"""Which packets a network fault is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chaos.faults.net.flows import Flow
from chaos.faults.net.owners import Owners

Kind = Literal["target", "echo", "other"]


@dataclass(frozen=True)
class Selection:
    """Packets that leave these ports, and with `by_owner` every packet that leaves a socket of these pids.

    A round trip pays once: when both ends of a conversation are the target's, only the answering end is
    delayed, that is, the packets that leave a port it listens on.
    """

    ports: tuple[int, ...]
    by_owner: bool
    pids: tuple[int, ...]
    echo_port: int
    """Port of our own responder, which the same rule must treat."""
    handshakes: bool = False
    """Packets with SYN set are treated too."""

    def arguments(self) -> dict[str, Any]:
        """What goes to a helper as JSON."""
        return {**vars(self), "ports": list(self.ports), "pids": list(self.pids)}

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> "Selection":
        """The inverse of `arguments`."""
        return cls(**{**arguments, "ports": tuple(arguments["ports"]), "pids": tuple(arguments["pids"])})


@dataclass
class Sorter:
    """Says for each packet whose it is."""

    selection: Selection
    owners: Owners | None = field(init=False)

    def __post_init__(self) -> None:
        self.owners = Owners(self.selection.pids) if self.selection.by_owner else None

    def kind(self, flow: Flow) -> Kind:
        """`target` and `echo` are to be treated."""
        if flow.source_port == self.selection.echo_port:
            return "echo"
        if flow.source_port in self.selection.ports:
            return "target"
        if self.owners is None or flow.destination_port == self.selection.echo_port:
            return "other"
        if flow.source_port in self.owners.listening:
            return "target" if self.owners.owns(flow) else "other"
        answered = (
            flow.destination_port in self.selection.ports or flow.destination_port in self.owners.listening
        )
        return "target" if not (flow.local and answered) and self.owners.owns(flow) else "other"

    def update(self, pids: list[int]) -> None:
        """Take the pids that the target has now."""
        if self.owners is not None:
            self.owners.update(pids)
