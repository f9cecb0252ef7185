"""One keep-alive connection that carries one request at a time."""

import asyncio
from typing import Protocol, cast

from chaos.probes.dial import word
from chaos.probes.http1 import BadResponse, Request, ResponseReader


class Exchange(Protocol):
    """One request on its way: what a connection needs to tell it."""

    def answered(self, status: int, size: int) -> None:
        """The whole response is there."""

    def broken(self, error: str, *, unheard: bool) -> None:
        """It will never be; `unheard` when not one byte came back."""


class Owner(Protocol):
    """Who lends the connection out."""

    def freed(self, connection: "Connection") -> None:
        """It may carry the next request."""

    def lost(self, connection: "Connection") -> None:
        """Its socket is closed."""


class Connection(asyncio.Protocol):
    """Sends `request` for one exchange after another; knows when it cannot be used again."""

    def __init__(self, request: Request, owner: Owner) -> None:
        self.ended_by = word(None)
        """Why its socket is closed, once it is."""
        self._request = request
        self._owner = owner
        self._exchange: Exchange | None = None
        self._reader = ResponseReader()
        self._transport: asyncio.Transport | None = None

    @property
    def open(self) -> bool:
        """Whether, as far as we know, it can carry a request."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, exchange: Exchange) -> None:
        """Send the request for `exchange`. Only when open and free."""
        assert self._transport is not None
        self._exchange = exchange
        self._reader = ResponseReader(self._request.method)
        self._transport.write(self._request.raw)

    def drop(self) -> None:
        """Close at once and say nothing more of the exchange it carried."""
        self._exchange = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:  # an idle peer that speaks is about to close (408), or is out of step
            self.drop()
            return
        try:
            whole = self._reader.feed(data)
        except BadResponse as error:
            self._break(word(error))
        else:
            if whole:
                self._complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended_by = word(exc)
        if self._exchange is not None and exc is None and self._reader.end():
            self._complete()
        elif self._exchange is not None:
            self._break(self.ended_by)
        self._owner.lost(self)

    def _complete(self) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        exchange.answered(self._reader.status, self._reader.size)
        if self._reader.reusable and self.open:
            self._owner.freed(self)
        else:
            self.drop()

    def _break(self, error: str) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        self.drop()
        exchange.broken(error, unheard=not self._reader.started)
