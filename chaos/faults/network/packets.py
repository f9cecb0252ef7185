"""Have the packets of a target treated: which packets, and by which of the ways that work here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

from chaos.errors import FaultError, InjectionError
from chaos.faults.network.endpoints import of_peer, parted
from chaos.faults.network.line import ActiveTreatment, nfqueue, tun_device
from chaos.faults.network.netem import netem
from chaos.faults.network.selection import Segments, Selection, Way
from chaos.faults.network.treatment import Order
from chaos.faults.support.base import Target

Backend = Callable[[Target, Selection, Order], AbstractContextManager[ActiveTreatment]]
BACKENDS: Sequence[tuple[str, Backend]] = (("netem", netem), ("nfqueue", nfqueue), ("tun", tun_device))
"""What is tried, in order; each is known by doing, not by asking for versions."""

Direction = Literal["in", "out", "both"]
"""What reaches the target, what leaves it, or all of it."""


@dataclass(frozen=True)
class Traffic:
    """Packets of a process, or a port; neither: of every process of the app. Raises ValueError for both."""

    process: str | None
    port: int | None
    peer: str | None = None
    """Only those that it exchanges with this host, address or process, alone or with a port; None: with anybody."""
    direction: Direction = "out"

    def __post_init__(self) -> None:
        if self.process is not None and self.port is not None:
            raise ValueError("process and port exclude each other: name one of them")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError("port must lie between 1 and 65535")
        if self.peer is not None:
            parted(self.peer)

    def selection(self, target: Target, own_port: int, segments: Segments) -> Selection:
        """These packets as they are now, and those of our own port.

        Raises InjectionError for an unknown process, or a peer without an address.
        """
        ways: tuple[Way, ...] = ("out", "in") if self.direction == "both" else (self.direction,)
        peers = () if self.peer is None else tuple(of_peer(target, self.peer))
        chosen = partial(Selection, echo_port=own_port, segments=segments, ways=ways, peers=peers)
        if self.port is not None:
            return chosen((self.port,), False, (), users=_users(target, [self.port]))
        names = target.names() if self.process is None else [self.process]
        unknown = set(names) - set(target.names())
        if unknown:
            raise InjectionError(
                f"no process is named {', '.join(unknown)}; there are {', '.join(target.names())}"
            )
        ports = [port for port in map(target.port, names) if port is not None]
        return chosen(tuple(ports), True, self.pids(target), users=_users(target, ports))

    def pids(self, target: Target) -> tuple[int, ...]:
        """Whose packets, where that is what counts."""
        return () if self.port is not None else tuple(target.pids(self.process))


def _users(target: Target, ports: Sequence[int]) -> tuple[int, ...] | None:
    """Whose conversations with these ports count: the app's, unless it is there that we ask it as its users do."""
    return None if any(port in target.entrances() for port in ports) else tuple(target.pids())


@contextmanager
def treated(target: Target, selection: Selection, order: Order) -> Iterator[ActiveTreatment]:
    """The first backend that works here. Raises InjectionError with the reasons of all."""
    reasons = []
    with ExitStack() as stack:
        # netem tells nobody apart, so it comes last where that is asked for.
        for name, backend in sorted(
            BACKENDS, key=lambda backend: selection.users is not None and backend[0] == "netem"
        ):
            try:
                line = stack.enter_context(backend(target, selection, order))
            except (FaultError, OSError) as error:
                reasons.append(f"{name}: {error}")
            else:
                yield line
                return
    raise InjectionError("packets cannot be treated so here. " + "; ".join(reasons))
