"""HTTP requests of our own beside the app's: a responder and its client, in one helper process.

The responder's port is under the same rule as the target's, so what these requests suffer is what the target's do. The
responder says from which port it was asked: when that is the client's own, nothing stands between them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from chaos.faults.http.messages import NotHttp, request_in, response_in
from chaos.faults.network.punctual import be_punctual
from chaos.faults.support.channel import mine

if TYPE_CHECKING:
    import ssl

_BODY = b"chaoslab\n" * 32
_FRESH_EVERY = 4
"""Every so many requests one is made on a new connection; each first one is anyway."""
_MOST_UNDER_WAY = 256

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class HttpWitness:
    """Asks, and keeps what came of it until it is fetched."""

    method: str
    path: str
    patience_s: float
    identity: Mapping[str, str] | None = None
    """In TLS, with these files: certificate and key of the responder, authority that the client trusts."""
    streams: bool = False
    """Whether they speak HTTP/2."""
    port: int = 0
    pace_s: float = 0.0
    """Seconds between requests; 0: none are made."""
    idle: list[Connection] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def run(self) -> None:
        """Serve until the parent closes the channel."""
        serving, self._asking = _contexts(self.identity)
        server = await asyncio.start_server(self._respond(), "127.0.0.1", 0, backlog=512, ssl=serving)
        self.port = server.sockets[0].getsockname()[1]
        self.told = asyncio.Event()
        self.over = False
        asyncio.get_running_loop().add_reader(mine().fileno(), self._obey)
        mine().send({"port": self.port})
        next_at = 0.0
        while not self.over:
            self.told.clear()
            next_at = max(next_at + self.pace_s, time.monotonic())
            if self.pace_s and len(self.tasks) < _MOST_UNDER_WAY:
                self._begin()
            try:
                async with asyncio.timeout(
                    max(0.0, next_at + self.pace_s - time.monotonic()) if self.pace_s else None
                ):
                    await self.told.wait()
            except TimeoutError:
                continue

    def _begin(self) -> None:
        self.asked += 1
        fresh = self.asked % _FRESH_EVERY == 1 or not self.idle
        task = asyncio.create_task(self._ask(None if fresh else self.idle.pop()))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _ask(self, connection: Connection | None) -> None:
        """One request; its sample says what was seen of it, and how long that took once it was sent."""
        sample: dict[str, Any] = {"saw": "refused", "fresh": connection is None}
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.patience_s):
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", self.port, ssl=self._asking)
                began = time.monotonic()
                sample |= await self._exchange(connection)
        except TimeoutError:
            sample["saw"] = "timeout"
        except ConnectionResetError:
            sample["saw"] = "reset"
        except (OSError, NotHttp) as error:
            sample["saw"] = type(error).__name__
        sample["took_ms"] = round((time.monotonic() - began) * 1e3, 3)
        self.samples.append(sample)
        if connection is None:
            return
        if sample.pop("keeps", False):
            self.idle.append(connection)
        else:
            connection[1].transport.abort()

    def _respond(self) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        if not self.streams:
            return _respond
        from chaos.faults.http.own_streams import (
            respond,
        )  # and h2, which is there only where that is asked for

        return partial(respond, body=_BODY)

    async def _exchange(self, connection: Connection) -> dict[str, Any]:
        if self.streams:
            from chaos.faults.http.own_streams import exchange

            return await exchange(connection, self.method, self.path)
        reader, writer = connection
        writer.write(
            f"{self.method} {self.path} HTTP/1.1\r\nHost: chaoslab\r\nContent-Length: 0\r\n\r\n".encode()
        )
        try:
            raw = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return {"saw": "closed"}
        response = response_in(raw, self.method)
        assert response is not None
        while not response.body.done:
            data = await reader.read(65536)
            if not data:
                return {"saw": "cut", "status": response.status}
            response.body.take(data)
        fields = dict(line.lower().split(b": ", 1) for line in raw.splitlines()[1:-1])
        seen: dict[str, Any] = {"saw": str(response.status), "keeps": fields.get(b"connection") != b"close"}
        if b"x-asked-from" in fields:
            own = writer.get_extra_info("sockname")[1]
            seen["direct"] = int(fields[b"x-asked-from"]) == own
        if b"retry-after" in fields:
            seen["retry_after_s"] = float(fields[b"retry-after"])
        return seen

    def _obey(self) -> None:
        try:
            while (message := mine().receive(0)) is not None:
                self._do(message)
        except EOFError:
            asyncio.get_running_loop().remove_reader(mine().fileno())
            self.over = True
        self.told.set()

    def _do(self, message: Mapping[str, Any]) -> None:
        if "pace" in message:
            self.pace_s = message["pace"]
            while self.idle:  # what comes next must be made anew, by the rules that are there then
                self.idle.pop()[1].transport.abort()
        if "fetch" in message:
            mine().send({"samples": self.samples})
            self.samples = []


async def _respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    port = writer.get_extra_info("peername")[1]
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(_BODY)}\r\nX-Asked-From: {port}\r\n\r\n".encode()
    try:
        while True:
            request = request_in(await reader.readuntil(b"\r\n\r\n"))
            assert request is not None
            writer.write(head if request.method == "HEAD" else head + _BODY)
    except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
        writer.close()


def _contexts(identity: Mapping[str, str] | None) -> "tuple[ssl.SSLContext | None, ssl.SSLContext | None]":
    """The responder's and the client's."""
    if identity is None:
        return None, None
    import ssl  # where that is asked for only

    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(identity["certificate"], identity["key"])
    return serving, ssl.create_default_context(cafile=identity["authority"])


def run(
    method: str,
    path: str,
    patience_s: float,
    identity: Mapping[str, str] | None = None,
    *,
    streams: bool = False,
) -> None:
    """Helper. Says {"port"}; {"pace": s} begins (0: ends) requests, {"fetch": true} gets {"samples"}."""
    be_punctual()  # what it times is the road and the proxy, not its own wait for a processor
    asyncio.run(HttpWitness(method, path, patience_s, identity, streams).run())
