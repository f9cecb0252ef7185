"""Round trips of our own beside the app's traffic: a responder and its clients, in one helper process.

The responder's port is put under the same rule as the target's packets, so what these round trips gain is
what the target's gain. Each client has at most one message under way; one that waits for its answer is not
used again, another connection is opened instead, so a long delay does not slow the sampling. Connections are made
without waiting for them, because a delay may be on their handshakes too.
"""

import queue
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from chaos.faults.network.punctual import be_punctual
from chaos.faults.support.channel import Channel, mine

_FRESH_EVERY = 10
"""Every so many round trips one uses a new connection, to see what a new connection pays."""
_MOST_UNDER_WAY = 64
_MESSAGE = b"chaoslab"
_TLS_RECORD = b"\x16"
"""How a handshake's first record begins (RFC 5246 section 6.2.1)."""
_TLS_EVERY_S = 0.1


@dataclass
class Trip:
    """One client connection and what it is waiting for."""

    connection: socket.socket
    began: float = 0.0
    sent: float = 0.0
    fresh: bool = True


@dataclass
class Echo:
    """Answers, asks, and keeps what it measured until it is fetched."""

    channel: Channel
    pace_s: float = 0.0
    """Seconds between round trips; 0: none are made."""
    idle: list[Trip] = field(default_factory=list)
    under_way: int = 0
    asked: int = 0
    wanted: int = 0
    """Hand over the samples when there are so many; 0: when asked."""
    samples: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.watch.register(self.listener, selectors.EVENT_READ, self._accept)
        self.watch.register(self.channel.fileno(), selectors.EVENT_READ, self._obey)
        self.port: int = self.listener.getsockname()[1]
        self.next_at = 0.0
        self._tls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._next_tls_at, self._tls_under_way = 0.0, False

    def run(self) -> None:
        """Serve until the parent closes the channel (EOFError)."""
        while True:
            now = time.monotonic()
            if self.pace_s and now >= self.next_at:
                self.next_at = max(now, self.next_at + self.pace_s)
                self.asked += 1
                self._ask(fresh=self.asked % _FRESH_EVERY == 0)
            wait = max(0.0, self.next_at - time.monotonic()) if self.pace_s else None
            for key, _ in self.watch.select(wait):
                key.data(key.fileobj)

    def _ask(self, *, fresh: bool) -> None:
        if self.under_way >= _MOST_UNDER_WAY:
            return
        self.under_way += 1
        if fresh or not self.idle:
            self._connect()
        else:
            self._send(self.idle.pop())

    def _send(self, trip: Trip) -> None:
        trip.sent = time.monotonic()
        trip.connection.send(_MESSAGE)

    def _connect(self) -> None:
        trip = Trip(socket.socket(), time.monotonic())
        trip.connection.setblocking(False)
        trip.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if trip.connection.connect_ex(("127.0.0.1", self.port)) == 0:
            self._connected(trip)
        else:
            self.watch.register(trip.connection, selectors.EVENT_WRITE, lambda _: self._connected(trip))

    def _connected(self, trip: Trip) -> None:
        if trip.connection in self.watch.get_map():
            self.watch.unregister(trip.connection)
        if trip.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            trip.connection.close()
            self.under_way -= 1
            return
        trip.connection.setblocking(True)
        self.watch.register(trip.connection, selectors.EVENT_READ, lambda _: self._answered(trip))
        self._send(trip)

    def _answered(self, trip: Trip) -> None:
        now = time.monotonic()
        trip.connection.recv(64)
        sample = {"rtt_ms": (now - trip.sent) * 1e3}
        if trip.fresh:
            sample["connect_ms"] = (trip.sent - trip.began) * 1e3
            sample["new_connection_ms"] = (now - trip.began) * 1e3
        trip.fresh = False
        self.under_way -= 1
        self.samples.append(sample)
        self._keep(trip)
        if self.wanted and len(self.samples) >= self.wanted:
            self.wanted, self.pace_s = 0, 0.0
            self._hand_over()

    def _hand_over(self) -> None:
        while not self._tls.empty():
            self._tls_under_way = False
            self.samples.append(self._tls.get())
        self.channel.send({"samples": self.samples})
        self.samples = []

    def _ask_tls(self) -> None:
        """One handshake at a time; `ssl` is read only where that is asked for."""
        if self._tls_under_way or time.monotonic() < self._next_tls_at:
            return
        from chaos.faults.network import tls_trip

        self._tls_under_way, self._next_tls_at = True, time.monotonic() + _TLS_EVERY_S
        threading.Thread(target=lambda: self._tls.put(tls_trip.timed(self.port)), daemon=True).start()

    def _answer_tls(self, connection: socket.socket) -> None:
        from chaos.faults.network import tls_trip

        self.watch.unregister(connection)
        threading.Thread(target=tls_trip.serve, args=(connection,), daemon=True).start()

    def _keep(self, trip: Trip) -> None:
        """Keep one connection more than are under way; end the others politely."""
        if len(self.idle) <= self.under_way:
            self.idle.append(trip)
            return
        self.watch.unregister(trip.connection)
        trip.connection.close()

    def _accept(self, _: Any) -> None:
        connection, _address = self.listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.watch.register(connection, selectors.EVENT_READ, self._respond)

    def _respond(self, connection: Any) -> None:
        if connection.recv(1, socket.MSG_PEEK) == _TLS_RECORD:
            self._answer_tls(connection)
            return
        message = connection.recv(64)
        if message:
            connection.send(message)
        else:
            self.watch.unregister(connection)
            connection.close()

    def _obey(self, _: Any) -> None:
        while (message := self.channel.receive(0)) is not None:
            if "pace" in message:
                self.pace_s, self.next_at = message["pace"], time.monotonic()
                if self.pace_s:
                    self._ask(fresh=True)
                self.samples, self.wanted = [], message.get("await", 0)
            if "tls" in message:
                self._ask_tls()
            if "fetch" in message:
                self._hand_over()


def run() -> None:
    """Helper. Says {"port": n}, and then does as it is told.

    {"pace": seconds} begins round trips (0: ends them), the first at once and on a new connection too. With
    "await": n it makes n of them and then hands over {"samples": […]}; else {"fetch": true} asks for those
    that ended so far. {"tls": true} begins a TLS handshake, unless one is under way or was just begun.
    """
    be_punctual()
    echo = Echo(mine())
    echo.channel.send({"port": echo.port})
    echo.run()
