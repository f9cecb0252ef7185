"""Which packets a network fault is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chaos.faults.network.endpoints import NetworkEndpoint, from_json, to_json
from chaos.faults.network.flows import Flow, Packet
from chaos.faults.network.owners import Owners
from chaos.faults.network.users import Users

Kind = Literal["target", "echo", "other"]
Way = Literal["out", "in"]
"""Packets that leave the target, packets that reach it."""
Segments = Literal["all", "exchange", "opening", "data"]
"""All packets; all but those with SYN set; the first of each TCP connection; TCP segments with data."""


@dataclass(frozen=True)
class Selection:
    """Packets of these ports, and with `by_owner` of every socket of these pids; of some ways, and with some peers.

    A round trip pays once: when both ends of a conversation are the target's, only the answering end's counts: what
    leaves it goes out, and what reaches it comes in.
    """

    ports: tuple[int, ...]
    by_owner: bool
    pids: tuple[int, ...]
    echo_port: int
    """Port of our own responder, whose packets the same rule must treat."""
    segments: Segments = "exchange"
    ways: tuple[Way, ...] = ("out",)
    peers: tuple[NetworkEndpoint, ...] = ()
    """Other ends that count; none: all do. Our own packets are treated whoever counts."""
    users: tuple[int, ...] | None = None
    """The app's pids, where what the target exchanges with others of this machine is counted apart."""

    def arguments(self) -> dict[str, Any]:
        """What goes to a helper as JSON."""
        lists = {"ports": list(self.ports), "pids": list(self.pids), "ways": list(self.ways)}
        users = None if self.users is None else list(self.users)
        return {**vars(self), **lists, "users": users, "peers": to_json(self.peers)}

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> "Selection":
        """The inverse of `arguments`."""
        tuples = {name: tuple(arguments[name]) for name in ("ports", "pids", "ways")}
        users = None if arguments["users"] is None else tuple(arguments["users"])
        return cls(**{**arguments, **tuples, "users": users, "peers": tuple(from_json(arguments["peers"]))})

    @property
    def echo_ways(self) -> tuple[Way, ...]:
        """Our responder never opens a connection, so its openings are those that reach it."""
        return ("in",) if self.segments == "opening" else self.ways

    @property
    def leaves_by_port(self) -> bool:
        """Whether a packet's source port tells that it may be one of these."""
        return not self.by_owner and self.ways == ("out",) == self.echo_ways

    def spares(self, packet: Packet) -> bool:
        """Whether the packet is none of the segments that count."""
        if self.segments == "exchange":
            return packet.opens
        if self.segments == "opening":
            return not packet.begins
        return self.segments == "data" and not packet.data


@dataclass
class Sorter:
    """Says for each packet whose it is."""

    selection: Selection
    owners: Owners | None = field(init=False)
    users: Users | None = field(init=False)

    def __post_init__(self) -> None:
        self.users = None if self.selection.users is None else Users(self.selection.users)
        self.owners = Owners(self.selection.pids) if self.selection.by_owner else None

    def sort(self, flow: Flow) -> tuple[Kind, Way]:
        """`target` and `echo` are to be treated, as packets that go that way."""
        echo = self.selection.echo_port
        if echo in (flow.source_port, flow.destination_port):
            way: Way = "out" if flow.source_port == echo else "in"
            return ("echo" if way in self.selection.echo_ways else "other"), way
        for way in self.selection.ways:
            if self._leaves(flow if way == "out" else flow.reversed):
                return "target", way
        return "other", "out"

    def aside(self, flow: Flow, way: Way) -> bool:
        """Whether the other end of the target's conversation only looks at it, and is not the app."""
        return self.users is not None and not self.users.send(flow if way == "in" else flow.reversed)

    def _leaves(self, flow: Flow) -> bool:
        """Whether the target sends it, to a peer that counts."""
        selection = self.selection
        if not self._counts(flow.reversed):
            return False
        if flow.source_port in selection.ports:
            return True
        if self.owners is None:
            return False
        if flow.source_port not in self.owners.listening and flow.local and self._answers(flow):
            return False
        return self.owners.owns(flow)

    def _answers(self, flow: Flow) -> bool:
        """Whether the other end is the target's too, and what it sends counts."""
        assert self.owners is not None
        port = flow.destination_port
        return (port in self.selection.ports or port in self.owners.listening) and self._counts(flow)

    def _counts(self, flow: Flow) -> bool:
        """Whether this flow comes from a peer that counts."""
        return not self.selection.peers or any(peer.sends(flow) for peer in self.selection.peers)

    def update(self, pids: list[int], users: list[int] | None = None) -> None:
        """Take the pids that the target, and the app, have now."""
        if self.owners is not None:
            self.owners.update(pids)
        if self.users is not None and users is not None:
            self.users.update(users)
