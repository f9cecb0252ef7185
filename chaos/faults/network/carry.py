"""The loop of a line's helper: take packets, treat those of the target, let them go on time.

The parent asks {"report": true} and gets {"counts": …}, sends {"pids": […]} when the target's processes
changed, and {"stop": true} to end; then everything held is let go at once and the answer is {"stopped":
counts}.
"""

import select
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Generic, Protocol, TypeVar

from chaos.faults.network.copies import complete, flipped, resets
from chaos.faults.network.delay_line import DelayLine
from chaos.faults.network.flows import Packet, parse
from chaos.faults.network.punctual import be_punctual
from chaos.faults.network.selection import Kind, Sorter, Way
from chaos.faults.network.treatment import Fate, Order, Treatment, inward, treatment
from chaos.faults.support.channel import Channel

Token = TypeVar("Token")

_ENDS = (Fate.DROP, Fate.RESET)
_NOBODY: tuple[Kind, Way] = ("other", "out")

_FINAL_S = 0.0001
"""The last part of a wait is spent looking, not sleeping: being woken takes about as long."""


class Packets(Protocol[Token]):
    """Where packets come from and go on to: a token for the packet, its first bytes, its age in seconds."""

    def fileno(self) -> int: ...

    def read(self) -> Sequence[tuple[Token, bytes, float]]: ...

    def release(self, packets: Sequence[Token]) -> None: ...

    def drop(self, packets: Sequence[Token]) -> None: ...

    def resend(self, packets: Sequence[bytes | bytearray]) -> None: ...


@dataclass
class PacketCounts:
    """What came of one kind of packets so far."""

    packets: int = 0
    bytes: int = 0
    treated: int = 0
    """Those that went on otherwise than they came, the time aside."""
    passed_bytes: int = 0


@dataclass
class Carrier(Generic[Token]):
    """One line at work."""

    packets: Packets[Token]
    sorter: Sorter
    order: Order
    seed: int
    channel: Channel
    offered: Callable[[], int | None]
    """Packets that the kernel offered to the line; what it did not see passed it. None: unknown."""
    line: DelayLine[tuple[Token, bytes, Fate]] = field(default_factory=DelayLine)
    other_packets: int = 0
    own_packets: int = 0
    """Of the target's, those that it exchanged with who only looks at it, where that is told apart."""
    own_treated: int = 0

    def __post_init__(self) -> None:
        self.counts: Mapping[Kind, PacketCounts] = {"target": PacketCounts(), "echo": PacketCounts()}
        # Of its own for our packets: what they meet must not depend on, nor change, what the target meets.
        self.treatments: Mapping[tuple[Kind, Way], Treatment] = {
            ("target", "out"): treatment(self.order, self.seed),
            ("echo", "out"): treatment(self.order, self.seed + 1),
            ("target", "in"): treatment(inward(self.order), self.seed + 3),
            ("echo", "in"): treatment(inward(self.order), self.seed + 4),
        }
        self.random = Random(self.seed + 2)
        self._arrived = 0.0

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
            self._let_go(time.monotonic())
            if channel in readable and not self._obey():
                return

    def flush(self) -> None:
        """Let everything go that is held or came meanwhile, in order."""
        while self._take():
            pass
        self._let_go(float("inf"))

    def report(self) -> dict[str, Any]:
        """Counts, and how many packets passed untreated because the queue was full."""
        report: dict[str, Any] = {"other_packets": self.other_packets}
        if self.sorter.users is not None:
            report |= {"own_packets": self.own_packets, "own_treated": self.own_treated}
        for kind, counts in self.counts.items():
            report |= {f"{kind}_{name}": value for name, value in vars(counts).items()}
        seen = self.other_packets + sum(counts.packets for counts in self.counts.values())
        offered = self.offered()
        return report if offered is None else {**report, "overflowed": max(0, offered - seen)}

    def _take(self) -> bool:
        """Sort the packets that are here; whether there were any."""
        batch = self.packets.read()
        passing, dropped = [], []
        for token, head, age_s in batch:
            packet = parse(head)
            kind, way = _NOBODY if packet is None else self._sort(packet)
            if packet is None or kind == "other":
                self.other_packets += 1
                passing.append(token)
                continue
            due, fate = self._treat(kind, way, packet, head, age_s)
            if fate in _ENDS:
                dropped.append(token)
            else:
                self.line.push(due, (token, head, fate))
            if fate is Fate.RESET:
                self.packets.resend(resets(head))
        self.packets.release(passing)
        self.packets.drop(dropped)
        return bool(batch)

    def _sort(self, packet: Packet) -> tuple[Kind, Way]:
        return _NOBODY if self.sorter.selection.spares(packet) else self.sorter.sort(packet.flow)

    def _treat(self, kind: Kind, way: Way, packet: Packet, head: bytes, age_s: float) -> tuple[float, Fate]:
        chosen = self.treatments[kind, way]
        # They are read in the order they came, and two clocks are never quite of one mind about it.
        self._arrived = max(self._arrived, time.monotonic() - age_s)
        due, fate = chosen.treat(self._arrived, packet.flow, packet.size, bare=packet.bare)
        if (
            chosen.whole and len(head) < packet.size
        ):  # longer than a message of the queue: it cannot be copied
            fate = Fate.PASS
        counts = self.counts[kind]
        counts.packets += 1
        counts.bytes += packet.size
        counts.treated += fate is not Fate.PASS
        counts.passed_bytes += 0 if fate in _ENDS else packet.size
        if kind == "target" and self.sorter.aside(packet.flow, way):
            self.own_packets += 1
            self.own_treated += fate is not Fate.PASS
        return due, fate

    def _let_go(self, now: float) -> None:
        due = self.line.due(now)
        self.packets.release([token for token, _, fate in due if fate is not Fate.CHANGED])
        self.packets.drop([token for token, _, fate in due if fate is Fate.CHANGED])
        self.packets.resend([complete(whole) for _, whole, fate in due if fate is Fate.TWICE])
        self.packets.resend([flipped(whole, self.random) for _, whole, fate in due if fate is Fate.CHANGED])

    def _obey(self) -> bool:
        while (message := self.channel.receive(0)) is not None:
            if "stop" in message:
                return False
            if "pids" in message:
                self.sorter.update(message["pids"], message.get("users"))
            if "report" in message:
                self.channel.send({"counts": self.report()})
        return True
