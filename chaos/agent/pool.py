"""Lend keep-alive connections to requests, as a patient HTTP client does.

Whether a request takes a connection that is open is `use`: `reuse` whenever one is idle, `new` never, `mix` draws for
each. A balancer that chooses a backend for each connection sends all of a client that reuses one to the same.
The most recently used idle connection first, else a new one, else (at the limit) the request waits for its
turn. One that was opened although another was idle takes its place: the one that was idle for longest is closed.
When a REUSED connection dies without one byte of response, the peer most likely closed it as idle while
the request was on its way (RFC 9112 section 9.3.1): an idempotent request is then sent once more, on a new
connection, and that is no error; its latency goes on counting and its sample says `reopened`. Any other death
is an error.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from chaos.agent.connection import Connection
from chaos.probes.dial import connect, resolve, word
from chaos.probes.http1 import Request


@dataclass(slots=True, eq=False)
class Flight:
    """One intended request, from its intended time to its one end. Times are the loop's, in seconds."""

    key: int
    intended: float
    fired: float
    over: Callable[["Flight", int | None, str | None, int], None]
    pool: "Pool"
    queued_s: float = 0.0
    """Time waited for one of the `limit` connections: the target's slowness, not ours."""
    connect_s: float | None = None
    """What opening its connection took; None when it had one already."""
    reused: bool = False
    reopened: bool = False
    ended: bool = False
    connection: Connection | None = None
    dialing: asyncio.Task[None] | None = None

    def answered(self, status: int, size: int) -> None:
        """The whole response is there."""
        self._end(status, None, size)

    def broken(self, error: str, *, unheard: bool) -> None:
        """Its connection died; perhaps it gets another one."""
        if unheard and self.reused and not self.reopened and self.pool.request.idempotent:
            self.reopened = True
            self.pool.open_for(self)
        else:
            self._end(None, error, 0)

    def give_up(self, error: str) -> None:
        """End it wherever it is: waiting, connecting, or sent."""
        connection, dialing = self.connection, self.dialing
        self._end(None, error, 0)
        if dialing is not None:
            dialing.cancel()
        if connection is not None:
            connection.drop()

    def _end(self, status: int | None, error: str | None, size: int) -> None:
        self.ended, self.connection, self.dialing = True, None, None
        self.over(self, status, error, size)


class Pool:
    """At most `limit` connections to one place, all sending the same request. `random` draws for `mix`."""

    def __init__(
        self, request: Request, limit: int, use: str = "reuse", random: Random | None = None
    ) -> None:
        self.request = request
        self._limit = limit
        self._use = use
        self._random = random or Random(0)
        self._addresses: Sequence[str] = ()
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._dialing: set[asyncio.Task[None]] = set()
        self._waiting: deque[Flight] = deque()
        self._all_lost = asyncio.Event()

    def place(self, flight: Flight) -> None:
        """Send it now if it can be, else as soon as it can be."""
        if self._use == "mix" and self._idle and self._random.random() < 0.5:
            self._idle.pop(0).drop()
            self.open_for(flight)
            return
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                flight.reused = True
                self._send(connection, flight)
                return
        self.open_for(flight)

    def open_for(self, flight: Flight) -> None:
        """Send it on a new connection, or when its turn comes."""
        if len(self._open) + len(self._dialing) >= self._limit:
            self._waiting.append(flight)
            return
        flight.dialing = asyncio.get_running_loop().create_task(self._dial(flight))
        self._dialing.add(flight.dialing)

    async def close(self) -> None:
        """Close everything; returns when every socket is."""
        for connection in self._open:
            connection.drop()
        await asyncio.gather(*self._dialing, return_exceptions=True)
        while self._open:
            self._all_lost.clear()
            await self._all_lost.wait()

    def freed(self, connection: Connection) -> None:
        """A connection can carry the next request."""
        if self._use == "new":
            connection.drop()
            return
        flight = self._next_waiting()
        if flight is None:
            self._idle.append(connection)
        else:
            flight.reused = True
            self._send(connection, flight)

    def lost(self, connection: Connection) -> None:
        """A connection's socket is closed."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._all_lost.set()
        self._admit()

    def _admit(self) -> None:
        if len(self._open) + len(self._dialing) < self._limit:
            flight = self._next_waiting()
            if flight is not None:
                self.open_for(flight)

    def _next_waiting(self) -> Flight | None:
        while self._waiting:
            flight = self._waiting.popleft()
            if not flight.ended:
                flight.queued_s = asyncio.get_running_loop().time() - flight.fired
                return flight
        return None

    def _send(self, connection: Connection, flight: Flight) -> None:
        flight.connection = connection
        connection.send(flight)

    async def _dial(self, flight: Flight) -> None:
        began = asyncio.get_running_loop().time()
        task = flight.dialing
        assert task is not None
        try:
            connection = await self._connect()
        except OSError as error:
            self._undialed(task)
            flight.broken(word(error), unheard=False)
        except asyncio.CancelledError:
            self._undialed(task)
            raise
        else:
            self._dialing.discard(task)
            flight.dialing, flight.reused = None, False
            flight.connect_s = asyncio.get_running_loop().time() - began
            self._begin(connection, flight)

    def _undialed(self, task: "asyncio.Task[None]") -> None:
        self._dialing.discard(task)
        self._admit()

    async def _connect(self) -> Connection:
        # A name is resolved until it was once: a DNS fault is for the target, not for its load.
        self._addresses = self._addresses or await resolve(self.request.host)
        tls_name = self.request.host if self.request.tls else None
        return await connect(
            lambda: Connection(self.request, self), self._addresses, self.request.port, tls_name
        )

    def _begin(self, connection: Connection, flight: Flight) -> None:
        if connection.open:
            self._open.add(connection)
            self._send(connection, flight)
        else:
            self._admit()
            flight.broken(connection.ended_by, unheard=False)
