"""A transfer of our own beside the app's traffic, to see how fast the line lets it go: the helper process.

Its bytes leave from a port that is put under the same rule as the target's packets. No more of them are under way than
keep the line busy for a moment, and they are sent in small pieces, so that none is dropped and they arrive evenly.
"""

import contextlib
import select
import socket
import time
from dataclasses import dataclass

from chaos.faults.network.punctual import be_punctual
from chaos.faults.support.channel import Channel, mine

_SMALLEST, _LARGEST = 4096, 60_000
_PIECES_PER_S = 50
_AHEAD_S = 0.15


@dataclass
class Transfer:
    """Sends to itself, by a connection that leaves from `port`."""

    channel: Channel
    rate: float
    going: bool = False
    sent: int = 0
    received: int = 0
    last_at: float = 0.0

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.receiver = socket.create_connection(listener.getsockname())
            self.sender, _ = listener.accept()
        self.sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self.sender.getsockname()[1]
        for end in (self.receiver, self.sender):
            end.setblocking(False)
        self.piece = bytes(int(min(max(self.rate / _PIECES_PER_S, _SMALLEST), _LARGEST)))
        self.ahead = max(2 * len(self.piece), int(self.rate * _AHEAD_S))

    def run(self) -> None:
        """Go on until the parent closes the channel (EOFError)."""
        while True:
            room = self.going and self.sent - self.received < self.ahead
            reading = [self.receiver.fileno(), self.channel.fileno()]
            readable, writable, _ = select.select(reading, [self.sender.fileno()] if room else [], [])
            if self.receiver.fileno() in readable:
                self.received += len(self.receiver.recv(1 << 20))
                self.last_at = time.monotonic()
            if writable:
                with contextlib.suppress(BlockingIOError):
                    self.sent += self.sender.send(self.piece)
            if self.channel.fileno() in readable:
                self._obey()

    def _obey(self) -> None:
        while (message := self.channel.receive(0)) is not None:
            self.going = message.get("go", self.going)
            if "ask" in message:
                self.channel.send({"received": self.received, "at": self.last_at})


def run(rate: float) -> None:
    """Helper. Says {"port": n}; {"go": true} begins, {"ask": true} asks for bytes so far and when the last came."""
    be_punctual()
    transfer = Transfer(mine(), rate)
    transfer.channel.send({"port": transfer.port})
    transfer.run()
