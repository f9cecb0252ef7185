"""Numbered UDP packets of our own beside the app's traffic, and what became of each: the helper process.

They leave from a port that is put under the same rule as the target's packets, and arrive at another one of ours. A
packet counts once one that was sent after it came `settle_s` ago, or it was sent so long ago and none comes at all;
what has not come by then is lost. On a slow machine all of them may be later than that.
"""

import contextlib
import select
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from chaos.faults.network.punctual import be_punctual
from chaos.faults.support.channel import Channel, mine

_TICK_S = 0.005
_NUMBER = struct.Struct("!Q56x")
_SO_RCVBUFFORCE = 33
_BUFFER = 8 << 20
_MOST_AT_ONCE = 100
_SILENT_S = 2.0
_MOST_BEHIND = 50
"""More of those that arrive, on their way at once, stand in a line that our own sending makes longer."""


@dataclass
class Totals:
    """What became of the packets that count."""

    sent: int = 0
    lost: int = 0
    doubled: int = 0
    """Came more than once."""
    late: int = 0
    """Came after one that was sent later (the reordered packets of RFC 4737)."""


@dataclass
class Datagrams:
    """Sends, receives, and counts."""

    channel: Channel
    settle_s: float
    per_s: float = 0.0
    totals: Totals = field(default_factory=Totals)
    asked_after: int | None = None
    """The parent wants the totals once so many packets count."""

    def __post_init__(self) -> None:
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.bind(("127.0.0.1", 0))
        with contextlib.suppress(PermissionError):
            self.receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self.receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self.receiver.setblocking(False)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.bind(("127.0.0.1", 0))
        self.sender.connect(self.receiver.getsockname())
        self.port: int = self.sender.getsockname()[1]
        self._begin()

    def _begin(self) -> None:
        self.totals = Totals()
        self._came: dict[int, int] = {}
        self._late: set[int] = set()
        self._highest = self._counted = self._next = getattr(self, "_next", 0)
        self._sent_by: deque[tuple[float, int]] = deque()
        self._heard: deque[tuple[float, int]] = deque()
        """When the newest came, and its number."""
        self._overtaken = self._highest
        self._due = self._came_at = 0.0
        self._bad_checksums = checksum_errors()

    def run(self) -> None:
        """Go on until the parent closes the channel (EOFError)."""
        at = time.monotonic()
        while True:
            wait = max(0.0, at - time.monotonic()) if self.per_s else None
            readable = select.select([self.receiver.fileno(), self.channel.fileno()], [], [], wait)[0]
            if self.receiver.fileno() in readable:
                self._take()
            if self.channel.fileno() in readable:
                self._obey()
            if self.per_s and time.monotonic() >= at:
                self._send()
                at = max(time.monotonic(), at + _TICK_S)
            self._settle()
            if self.asked_after is not None and self.totals.sent >= self.asked_after:
                self._tell()

    def _send(self) -> None:
        """What is due since the last tick; what a busy machine kept us from sending is not made up for.

        Nothing while those who handle packets cannot keep up: what comes too late would count as lost.
        """
        arriving = (self.totals.sent - self.totals.lost + 1) / (self.totals.sent + 1)
        behind = (self._next - self._highest) * arriving > _MOST_BEHIND
        if behind and time.monotonic() - self._came_at < self.settle_s:
            return
        self._due = min(self._due + self.per_s * _TICK_S, _MOST_AT_ONCE)
        while self._due >= 1:
            self._due -= 1
            self.sender.send(_NUMBER.pack(self._next))
            self._next += 1
        self._sent_by.append((time.monotonic(), self._next))

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                (number,) = _NUMBER.unpack(self.receiver.recv(_NUMBER.size))
                self._came_at = time.monotonic()
                if number < self._counted:
                    continue
                self._came[number] = self._came.get(number, 0) + 1
                if self._came[number] == 1 and number < self._highest:
                    self._late.add(number)
                if number > self._highest:
                    self._highest = number
                    self._heard.append((self._came_at, number))

    def _settle(self) -> None:
        now = time.monotonic()
        while self._heard and self._heard[0][0] <= now - self.settle_s:
            _, self._overtaken = self._heard.popleft()
        overtaken = self._overtaken if now - self._came_at < _SILENT_S else self._next
        while (
            self._sent_by and self._sent_by[0][0] <= now - self.settle_s and self._sent_by[0][1] <= overtaken
        ):
            _, end = self._sent_by.popleft()
            for number in range(self._counted, end):
                self._count(number)
            self._counted = end

    def _count(self, number: int) -> None:
        times = self._came.pop(number, 0)
        self.totals.sent += 1
        self.totals.lost += times == 0
        self.totals.doubled += times > 1
        self.totals.late += number in self._late
        self._late.discard(number)

    def _obey(self) -> None:
        while (message := self.channel.receive(0)) is not None:
            if "pace" in message:
                self.per_s = message["pace"]
                self._begin()
            if "after" in message:
                self.asked_after = message["after"]

    def _tell(self) -> None:
        bad = checksum_errors() - self._bad_checksums
        self.channel.send({"totals": {**vars(self.totals), "checksum_errors": bad}})
        self.asked_after = None


def checksum_errors() -> int:
    """UDP and TCP packets of this network that were discarded for their checksum (proc(5), /proc/net/snmp)."""
    errors = 0
    lines = Path("/proc/self/net/snmp").read_text().splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        if names.startswith(("Udp:", "Tcp:")):
            errors += int(dict(zip(names.split(), values.split(), strict=True))["InCsumErrors"])
    return errors


def run(settle_s: float) -> None:
    """Helper. Says {"port": n}; {"pace": per second} begins to count afresh, {"after": n} asks for totals of n."""
    be_punctual()
    datagrams = Datagrams(mine(), settle_s)
    datagrams.channel.send({"port": datagrams.port})
    datagrams.run()
