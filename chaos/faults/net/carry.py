"""The loop of a delay line's helper: take packets, hold those of the target, let them go on time.

The parent asks {"report": true} and gets {"counts": …}, sends {"pids": […]} when the target's processes
changed, and {"stop": true} to end; then everything held is let go at once and the answer is {"stopped":
counts}.
"""

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, Protocol, TypeVar

from chaos.faults.channel import Channel
from chaos.faults.net.delay_line import DelayLine
from chaos.faults.net.flows import parse
from chaos.faults.net.punctual import be_punctual
from chaos.faults.net.selection import Sorter

Token = TypeVar("Token")

_FINAL_S = 0.0001
"""The last part of a wait is spent looking, not sleeping: being woken takes about as long."""


class Packets(Protocol[Token]):
    """Where packets come from and go on to: a token for the packet, its first bytes, its age in seconds."""

    def fileno(self) -> int: ...

    def read(self) -> Sequence[tuple[Token, bytes, float]]: ...

    def release(self, packets: Sequence[Token]) -> None: ...


@dataclass
class Counts:
    """Packets seen so far."""

    target_packets: int = 0
    echo_packets: int = 0
    other_packets: int = 0


@dataclass
class Carrier(Generic[Token]):
    """One delay line at work."""

    packets: Packets[Token]
    line: DelayLine[Token]
    sorter: Sorter
    channel: Channel
    offered: Callable[[], int | None]
    """Packets that the kernel offered to the line; what it did not see passed it. None: unknown."""

    def __post_init__(self) -> None:
        self.counts = Counts()

    def run(self) -> None:
        """Carry until told to stop; then `flush` lets go what is held. Raises EOFError when orphaned."""
        be_punctual()
        packets, channel = self.packets.fileno(), self.channel.fileno()
        while True:
            due = self.line.next_due()
            timeout = None if due is None else max(0.0, due - time.monotonic() - _FINAL_S)
            readable = select.select([packets, channel], [], [], timeout)[0]
            if packets in readable:
                self._take()
            self.packets.release(self.line.due(time.monotonic()))
            if channel in readable and not self._obey():
                return

    def flush(self) -> None:
        """Let everything go that is held or came meanwhile, in order."""
        while self._take():
            pass
        self.packets.release(self.line.due(float("inf")))

    def report(self) -> dict[str, Any]:
        """Counts, and how many packets passed undelayed because the queue was full."""
        seen = asdict(self.counts)
        offered = self.offered()
        return seen if offered is None else {**seen, "overflowed": max(0, offered - sum(seen.values()))}

    def _take(self) -> bool:
        """Sort the packets that are here; whether there were any."""
        batch = self.packets.read()
        passing = []
        for token, head, age_s in batch:
            packet = parse(head)
            kind = "other" if packet is None or packet.opens else self.sorter.kind(packet.flow)
            if packet is None or kind == "other":
                self.counts.other_packets += 1
                passing.append(token)
                continue
            if kind == "echo":
                self.counts.echo_packets += 1
            else:
                self.counts.target_packets += 1
            self.line.push(time.monotonic() - age_s, packet.flow, token)
        self.packets.release(passing)
        return bool(batch)

    def _obey(self) -> bool:
        while (message := self.channel.receive(0)) is not None:
            if "stop" in message:
                return False
            if "pids" in message:
                self.sorter.update(message["pids"])
            if "report" in message:
                self.channel.send({"counts": self.report()})
        return True
