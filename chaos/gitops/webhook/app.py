"""Webhook route: a forge's delivery is verified and answered at once, and whoever follows the repository is notified.

A Starlette route, to be mounted in an application or served alone (`server`). The body is bounded in size and in time.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from chaos.errors import ChaosLabError
from chaos.gitops.repository.source import Source
from chaos.gitops.webhook.deliveries import (
    LEAST_SECRET,
    DeliveryRefused,
    WebhookDelivery,
    pushed_to,
    verified,
)

WITHIN_S = 10.0
MOST_HEAD_BYTES = 16 * 1024
MOST_HEADERS = 100
MOST_BODY_BYTES = 4 * 1024 * 1024
LINGER_S = 1.0
PATH = "/webhook"
METHODS = ("GET", "POST")
_REMEMBERED = 1000


class WebhookError(ChaosLabError):
    """The webhook cannot be served as asked."""

    exit_code = 2


class WebhookAnswer(PlainTextResponse):
    """The answer to a delivery, and the end of its connection.

    What still comes of the request is taken for a moment: a reset would take the answer with it.
    """

    def __init__(self, status: int, text: str, *, whole: bool = False) -> None:
        super().__init__(f"{text}\n", status, headers={"connection": "close"})
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification, 3.0."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        waits = any(name == b"expect" for name, _ in scope["headers"])  # for our word, before it sends a body
        if not self._whole and not waits:
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_S):
                    while (await receive()).get("more_body"):
                        pass
        await send({"type": "http.response.body"})


@dataclass(slots=True)
class Webhook:
    """Which repositories are followed, and what is called on a push. Raises WebhookError for a short secret."""

    sources: Sequence[Source]
    secret: str = field(repr=False)
    notify: Callable[[Source], None]
    """Called for each followed repository that was pushed to; must return at once."""
    log: Callable[[str], None] = lambda line: None
    within_s: float = WITHIN_S
    _seen: dict[str, None] = field(default_factory=dict)
    """Digests of the deliveries that were accepted, the oldest first."""

    def __post_init__(self) -> None:
        """Refuse a secret that could be guessed."""
        if len(self.secret) < LEAST_SECRET:
            why = f"CHAOSLAB_WEBHOOK_SECRET: expected at least {LEAST_SECRET} characters"
            raise WebhookError(f"{why}; `openssl rand -hex 32` makes some, and the forge gets the same")

    def route(self, path: str = PATH) -> Route:
        """The route, for an application that has others too."""
        return Route(path, self.respond, methods=list(METHODS), include_in_schema=False)

    def application(self) -> Starlette:
        """An application that has this route only."""
        return Starlette(routes=[self.route()], exception_handlers={HTTPException: self._elsewhere})

    async def respond(self, request: Request) -> WebhookAnswer:
        """The answer to one request."""
        try:
            delivery = await self._received(request)
        except ClientDisconnect:
            return WebhookAnswer(400, "the connection ended", whole=True)  # there is nobody to read it
        except DeliveryRefused as refusal:
            return self._refused(request, refusal.status, str(refusal))
        except TimeoutError:
            return self._refused(request, 408, f"no whole request within {self.within_s:g} s")
        if delivery is None:
            return WebhookAnswer(200, "listening")
        try:
            status, text = self._accepted(delivery)
        except DeliveryRefused as refusal:
            status, text = refusal.status, str(refusal)
        self.log(line(request, status, text))
        return WebhookAnswer(status, text, whole=True)

    async def _received(self, request: Request) -> WebhookDelivery | None:
        """The request; None when it only asks whether anybody is there. Raises DeliveryRefused, TimeoutError."""
        headers = _headers(request)
        if request.method != "POST":
            return None
        expected = _length(headers)
        since = getattr(request.state, "connected_at", asyncio.get_running_loop().time())
        body = bytearray()
        async with asyncio.timeout_at(since + self.within_s):
            async for part in request.stream():
                body += part
        if len(body) != expected:
            raise DeliveryRefused(400, "the body is not as long as Content-Length says")
        return WebhookDelivery(headers, bytes(body), time.time())

    def _accepted(self, delivery: WebhookDelivery) -> tuple[int, str]:
        """Believe it or not, and notify. Raises DeliveryRefused."""
        digest = verified(delivery, self.secret)
        if digest in self._seen:
            return 202, "heard before"
        sources, text = pushed_to(delivery, self.sources)
        for source in sources:
            self.notify(source)
        self._remember(digest)
        names = ", ".join(str(one) for one in sources)
        return (202, f"{text}: {names}") if sources else (200, text)

    def _remember(self, digest: str) -> None:
        self._seen[digest] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def _refused(self, request: Request, status: int, text: str) -> WebhookAnswer:
        self.log(line(request, status, text))
        return WebhookAnswer(status, text)

    async def _elsewhere(self, request: Request, error: Exception) -> WebhookAnswer:
        """Starlette's own refusals: another path, another method."""
        assert isinstance(error, HTTPException)
        words = {404: f"only {PATH} is here", 405: "POST, or GET"}
        return self._refused(request, error.status_code, words.get(error.status_code, error.detail))


def line(request: Request, status: int, text: str) -> str:
    """A line of the log about one request."""
    return f"webhook from {request.client.host if request.client else '?'}: {status} {text}"


def _headers(request: Request) -> dict[str, str]:
    """By names in lower case. Raises DeliveryRefused."""
    if request.scope["http_version"] not in ("1.0", "1.1"):
        raise DeliveryRefused(400, "no HTTP/1.1")
    raw = request.headers.raw
    if len(raw) > MOST_HEADERS:
        raise DeliveryRefused(400, f"more than {MOST_HEADERS} headers")
    if sum(len(name) + len(value) + 4 for name, value in raw) > MOST_HEAD_BYTES:
        raise DeliveryRefused(431, "the headers are too long")
    return dict(request.headers.items())


def _length(headers: dict[str, str]) -> int:
    """Bytes of the body. Raises DeliveryRefused."""
    text = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (text.isascii() and text.isdigit() and len(text) < 12):
        raise DeliveryRefused(411, "expected a Content-Length")
    if int(text) > MOST_BODY_BYTES:
        most = f"{MOST_BODY_BYTES // 1024**2} MiB"
        raise DeliveryRefused(413, f"more than {most}; the next look at the repository will do")
    return int(text)
