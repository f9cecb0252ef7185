"""The endpoint that forges call: it answers at once, and rings for the repository that was pushed to.

One request a connection, within ten seconds all in all, bounded in size and in number. It speaks plain HTTP: a proxy in
front of it brings TLS.
"""

import asyncio
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from io import BytesIO

from chaos.errors import ChaosLabError
from chaos.gitops.repository.source import Source
from chaos.gitops.webhook.calls import LEAST_SECRET, Delivery, Headers, NotHeard, identity, meant

WITHIN_S = 10.0
MOST_HEAD_BYTES = 16 * 1024
MOST_BODY_BYTES = 4 * 1024 * 1024
MOST_AT_ONCE = 16
_LINGER_S = 1.0
_REMEMBERED = 1000
_LISTENING = 200, "listening"
PATH = "/webhook"


class EndpointError(ChaosLabError):
    """The endpoint cannot be opened as asked."""

    exit_code = 2


@dataclass(slots=True)
class Endpoint:
    """Who may call, what for, and what then happens. Raises EndpointError for a secret that is too short."""

    sources: Sequence[Source]
    secret: str = field(repr=False)
    ring: Callable[[Source], None]
    """Called for each followed repository that was pushed to; must return at once."""
    say: Callable[[str], None] = lambda line: None
    within_s: float = WITHIN_S
    _open: int = 0
    _seen: dict[str, None] = field(default_factory=dict)
    """Deliveries that were heard, the oldest first."""

    def __post_init__(self) -> None:
        """Refuse a secret that could be guessed."""
        if len(self.secret) < LEAST_SECRET:
            why = f"CHAOSLAB_WEBHOOK_SECRET: expected at least {LEAST_SECRET} characters"
            raise EndpointError(f"{why}; `openssl rand -hex 32` makes some, and the forge gets the same")

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Open it. Raises EndpointError."""
        try:
            return await asyncio.start_server(self._converse, host, port, limit=MOST_HEAD_BYTES)
        except (OSError, OverflowError) as error:
            raise EndpointError(f"cannot listen on {host}:{port}: {error}") from error

    async def _converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._open += 1
        try:
            answer = await self._answer(reader, writer)
            writer.write(_response(*answer))
            if answer != _LISTENING:
                self.say(f"webhook from {_peer(writer)}: {answer[0]} {answer[1]}")
            await _part(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # It went away: there is nobody to answer.
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> tuple[int, str]:
        if self._open > MOST_AT_ONCE:
            return 503, "too many at once"
        try:
            async with asyncio.timeout(self.within_s):
                delivery = await _received(reader, writer)
            return self._heard(delivery) if delivery else _LISTENING
        except NotHeard as refusal:
            return refusal.status, str(refusal)
        except TimeoutError:
            return 408, f"no whole request within {self.within_s:g} s"

    def _heard(self, delivery: Delivery) -> tuple[int, str]:
        """Believe it or not, and ring. Raises NotHeard."""
        known = identity(delivery, self.secret)
        if known in self._seen:
            return 202, "heard before"
        found, said = meant(delivery, self.sources)
        for source in found:
            self.ring(source)
        self._remember(known)
        names = ", ".join(str(one) for one in found)
        return (202, f"{said}: {names}") if found else (200, said)

    def _remember(self, known: str) -> None:
        self._seen[known] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]


async def _received(reader: StreamReader, writer: StreamWriter) -> Delivery | None:
    """The request; None when it only asks whether anybody is there. Raises NotHeard."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise NotHeard(431, "the headers are too long") from None
    method, headers = _head(head)
    if method == "GET":
        return None
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Delivery(headers, await reader.readexactly(_length(headers)), time.time())


def _head(head: bytes) -> tuple[str, Headers]:
    """Method and headers of a request that we answer. Raises NotHeard."""
    line, _, rest = head.partition(b"\r\n")
    method, _, target = line.decode("latin-1").partition(" ")
    path, _, version = target.rpartition(" ")
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        raise NotHeard(400, "no HTTP/1.1")
    if path.partition("?")[0] != PATH:
        raise NotHeard(404, f"only {PATH} is here")
    if method not in ("GET", "POST"):
        raise NotHeard(405, "POST, or GET")
    try:
        fields = parse_headers(BytesIO(rest))
    except HTTPException:
        raise NotHeard(400, "headers that cannot be read") from None
    return method, {name.lower(): value for name, value in fields.items()}


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (text.isascii() and text.isdigit() and len(text) < 12):
        raise NotHeard(411, "expected a Content-Length")
    if int(text) > MOST_BODY_BYTES:
        raise NotHeard(
            413, f"more than {MOST_BODY_BYTES // 1024**2} MiB; the next look at the repository will do"
        )
    return int(text)


def _response(status: int, said: str) -> bytes:
    text = f"{said}\n".encode()
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text


async def _part(reader: StreamReader, writer: StreamWriter) -> None:
    """Say that this was all, and take what still comes for a moment: a reset would take the answer with it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            await writer.drain()
            writer.write_eof()
            while await reader.read(MOST_HEAD_BYTES):
                pass


def _peer(writer: StreamWriter) -> str:
    return str((writer.get_extra_info("peername") or ("?",))[0])
