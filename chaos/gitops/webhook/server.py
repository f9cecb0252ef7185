"""HTTP server of the webhook alone: uvicorn, one request a connection, bounded in time and in number.

It speaks plain HTTP: a proxy in front of it brings TLS.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import ClassVar

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from chaos.gitops.webhook.app import LINGER_S, MOST_HEAD_BYTES, Webhook, WebhookAnswer, WebhookError

MOST_AT_ONCE = 16
_CROWDED = 503, "too many at once"


@asynccontextmanager
async def serving(webhook: Webhook, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """The address at which it is served, for as long as the context is open. Raises WebhookError."""
    listening, app = _listening(host, port), webhook.application()
    config = uvicorn.Config(
        app,
        http=type("Protocol", (_Protocol,), {"webhook": webhook}),
        ws="none",
        lifespan="off",
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        timeout_graceful_shutdown=1,
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    server = _Server(config)
    config.app = _Crowd(webhook, app, server)
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield listening.getsockname()[:2]
    finally:
        server.should_exit = True
        await task


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family)
    except (OSError, OverflowError) as error:
        raise WebhookError(f"cannot listen on {host}:{port}: {error}") from error


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to the command."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """See uvicorn.Server."""
        return nullcontext()


class _Crowd:
    """An ASGI application in front of the webhook's: so many connections at once, and no more."""

    def __init__(self, webhook: Webhook, app: ASGIApp, server: uvicorn.Server) -> None:
        self._webhook = webhook
        self._app = app
        self._connections = server.server_state.connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification, 3.0."""
        if len(self._connections) <= MOST_AT_ONCE:
            await self._app(scope, receive, send)
            return
        status, text = _CROWDED
        self._webhook.log(f"webhook from {scope['client'][0]}: {status} {text}")
        await WebhookAnswer(status, text)(scope, receive, send)


class _Protocol(H11Protocol):
    """uvicorn's protocol, and what it lacks: a time for the head of a request, and the status that h11 asks for."""

    webhook: ClassVar[Webhook]
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "connected_at": self.loop.time()}
        crowded = len(self.connections) > MOST_AT_ONCE
        self._timer = self.loop.call_later(
            LINGER_S if crowded else self.webhook.within_s, self._late, crowded
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _late(self, crowded: bool) -> None:
        """No request yet; the time for a body is the application's matter."""
        if self.conn.their_state is h11.IDLE:
            late = 408, f"no whole request within {self.webhook.within_s:g} s"
            self._end(*(_CROWDED if crowded else late))

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, with the reason of the error that is being handled."""
        self._end(*_refusal(sys.exception()))

    def _end(self, status: int, text: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            self.webhook.log(f"webhook from {self.client[0] if self.client else '?'}: {status} {text}")
            headers = [("content-type", "text/plain; charset=utf-8"), ("connection", "close")]
            for event in (
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=f"{text}\n".encode()),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None:
            self.cycle.disconnected = True  # the application has nobody to answer
            self.cycle.message_event.set()
        self.transport.close()


def _refusal(error: BaseException | None) -> tuple[int, str]:
    hint = getattr(error, "error_status_hint", 400)
    if hint == 431:
        return 431, "the headers are too long"
    # h11 has no kind for it but its words.
    return (411, "expected a Content-Length") if "Content-Length" in str(error) else (hint, "no HTTP/1.1")
