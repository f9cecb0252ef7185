"""Ask a URL and see what it answers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from chaos.errors import ProbeError
from chaos.probes.base import Context, Interval, Probe
from chaos.probes.dial import connect, failure, resolve, word
from chaos.probes.http1 import BadResponse, Request, ResponseReader
from chaos.units import PositiveDuration

BODY_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class HttpProbe(Probe):
    """Ask a URL, on a connection of its own, and see status and body. Redirects are not followed."""

    type: Literal["http"] = "http"
    url: str
    """Plain http:// URL as seen from inside the sandbox, usually on 127.0.0.1."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    """Request method."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers."""
    body: str | None = None
    """Request body, sent as UTF-8."""
    every: Interval = 0.1
    """Time between the intended starts of two looks."""
    timeout: PositiveDuration = 1.0
    """Time for the whole answer; a later one counts as an error."""

    @property
    def subject(self) -> str:
        """See Probe."""
        return self.url

    @property
    def asks(self) -> int | None:
        """See Probe."""
        return Request.of(self.url).port

    async def observe(self, context: Context) -> Mapping[str, Any]:
        """`{"status": 200, "bytes": 12, "body": "…"}`; the body is text of at most 64 KiB."""
        look = _Look(request := self._request())
        try:
            async with asyncio.timeout(self.timeout):
                addresses = await resolve(request.host)
                await connect(lambda: look, addresses, request.port, request.host if request.tls else None)
                await look.ended.wait()
        except OSError as error:
            raise failure(error) from error
        finally:
            look.drop()
        if look.error is not None:
            raise ProbeError(look.error)
        answer = look.answer
        return {"status": answer.status, "bytes": answer.size, "body": answer.body.decode(errors="replace")}

    def _request(self) -> Request:
        try:
            return Request.of(self.url, self.method, self.headers, self.body)
        except ValueError as error:
            raise ProbeError(str(error)) from error


class _Look(asyncio.Protocol):
    """Sends the request as soon as it is connected; `ended` once the answer is whole or never will be."""

    def __init__(self, request: Request) -> None:
        self.ended = asyncio.Event()
        self.error: str | None = None
        self.answer = ResponseReader(request.method, keep_bytes=BODY_BYTES)
        self._raw = request.raw
        self._transport: asyncio.Transport | None = None

    def drop(self) -> None:
        """Close the connection, if there is one."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._raw)

    def data_received(self, data: bytes) -> None:
        try:
            if self.answer.feed(data):
                self.ended.set()
        except BadResponse as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.is_set() and (exc is not None or not self.answer.end()):
            self._fail(exc)
        self.ended.set()

    def _fail(self, error: Exception | None) -> None:
        self.error = word(error)
        self.ended.set()
        self.drop()
