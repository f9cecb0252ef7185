"""Bytes from one connection to another and back, and their ends."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from chaos.faults.http.messages import Endless, MessageBody
from chaos.faults.http.wire import Wire

Found = TypeVar("Found")


class BrokenMessage(Exception):
    """One side ended in the middle of a message."""


class HandshakeRefused(Exception):
    """A TLS handshake came to no good end: `kind` says with whom, `distrusted` or
    `unfinished` by the client, `tls-refused` by the server."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Relay:
    """A client's connection and the one that was made for it; `news` is set whenever something came on either."""

    def __init__(self, client: Wire, upstream: Wire, news: asyncio.Event) -> None:
        self._client = client
        self._upstream = upstream
        self._news = news
        self.tunnelled: str | None = None
        """What it turned out to be instead of HTTP/1.1: `tls`, `http2`, `upgraded`, `server-first` or `other`;
        or TLS that was to be read and could not: see Refused."""

    async def _end(self) -> None:
        """End both sides; not before the client has all, for its packets only find it while they are translated."""
        for side, other in ((self._upstream, self._client), (self._client, self._upstream)):
            if other.was_reset:
                side.reset()
            elif side is self._client:
                side.finish()
                await side.delivered()
                side.close()
            else:
                side.close()

    async def _until(self, look: Callable[[], Found | None]) -> Found:
        """What `look` finds, looking again whenever there is news."""
        while True:
            self._news.clear()
            found = look()
            if found is not None:
                return found
            await self._news.wait()

    async def _pass(self, source: Wire, sink: Wire | None, body: MessageBody) -> None:
        """One body from a side to the other, or to nowhere. Raises BrokenMessage when it stays incomplete."""
        while not body.done:
            self._news.clear()
            if source.buffer:
                data = source.consume(body.take(bytes(source.buffer)))
                if sink is not None:
                    await sink.write(data)
            elif source.ended:
                if isinstance(body, Endless) and not source.was_reset:
                    return
                raise BrokenMessage
            elif sink is not None and sink.lost:
                raise BrokenMessage
            else:
                await self._news.wait()

    async def _tunnel(self, kind: str) -> None:
        """Bytes both ways, until both sides have ended."""
        self.tunnelled = kind

        async def one_way(source: Wire, sink: Wire) -> None:
            await self._pass(source, sink, Endless())
            sink.finish()

        ways = (
            one_way(self._client, self._upstream),
            one_way(self._upstream, self._client),
        )
        await asyncio.gather(*ways, return_exceptions=True)
