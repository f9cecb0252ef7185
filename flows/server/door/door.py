"""The door: an ASGI app in front of Prefect's that lets in its own address and its own user only.

1. address  Host, Origin and Sec-Fetch-Site must be this server's (rules)
2. user     the secret in a header; or, of a browser, the cookie over a connection of the same user or of root
3. WebSocket without either: only Prefect's own protocol, whose first message must hold the secret
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from flows.server.door import pages
from flows.server.door.keys import COOKIE_WORKS_S, MARK, Keys
from flows.server.door.peer import owner
from flows.server.door.rules import Asked, Refusal, addresses, changes, refusal, says_our_page_sent_it

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ENTRANCE = "/door"
HEALTH = "/api/health"
"""Says `true` to whoever asks, as with Prefect's own authentication."""
FIRST_WORD_WITHIN_S = 10.0
_FORBIDDEN = 1008
"""Policy violation (RFC 6455, 7.4.1)."""
_NEEDED = "this server answers its own user only: set PREFECT_API_AUTH_STRING to what is in the file {}"
_EVERY_ANSWER = (
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
)


class Door:
    """In front of an ASGI app that listens at the port of these keys."""

    def __init__(self, app: App, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._users = (os.getuid(), 0)
        self._always = (*_EVERY_ANSWER, (MARK.encode(), keys.mark.encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification, 3.0."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = Asked.of(scope)
        refused = refusal(asked, self._keys.port)
        if asked.websocket:
            await self._socket(asked, refused, scope, receive, send)
        elif refused is not None:
            await _answer(self._with_headers(send), refused.status, _as_json(refused.why))
        else:
            await self._request(asked, scope, receive, self._with_headers(send))

    async def _request(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is meant for this server."""
        health = asked.path == HEALTH and not changes(asked) and not asked.all("authorization")
        if asked.navigates and asked.first("host").lower() != addresses(self._keys.port)[0]:
            await _answer(send, 307, b"", [("location", self._usual(scope))])
        elif asked.path == ENTRANCE and asked.method == "GET":
            await self._enter(scope, send)
        elif health or self._is_user(asked, scope):
            await self._app(scope, receive, send)
        else:
            await self._closed(asked, send)

    def _is_user(self, asked: Asked, scope: Scope) -> bool:
        """Whether it comes from our user: a program with the secret, or a browser with the cookie."""
        if headers := asked.all("authorization"):
            return len(headers) == 1 and self._keys.is_basic(headers[0])
        if changes(asked) and not says_our_page_sent_it(asked):
            return False
        given = [value for header in asked.all("cookie") for value in _cookie(header, self._keys.cookie_name)]
        return any(self._keys.is_cookie(value, time.time()) for value in given) and self._is_here(scope)

    def _is_here(self, scope: Scope) -> bool:
        """Whether the connection is one of a process of our user, or of root, who could read the secret anyway."""
        client, server = scope.get("client"), scope.get("server")
        if not client or not server:
            return False
        return owner((client[0], client[1]), (server[0], server[1])) in self._users

    async def _closed(self, asked: Asked, send: Send) -> None:
        if not asked.navigates or asked.of_api:
            await _answer(send, 401, _as_json(_NEEDED.format(self._keys.folder / "secret")))
            return
        elsewhere = asked.first("sec-fetch-site") in ("cross-site", "same-site")
        await _answer(send, 401, (pages.AGAIN if elsewhere else pages.CLOSED).encode(), _HTML)

    async def _enter(self, scope: Scope, send: Send) -> None:
        """A browser with a link gets its cookie, and is sent to the pages."""
        [key, *_] = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])
        if not self._is_here(scope) or not self._keys.takes_link(key):
            await _answer(send, 401, pages.USED.encode(), _HTML)
            return
        named = f"{self._keys.cookie_name}={self._keys.cookie(time.time())}"
        cookie = f"{named}; Max-Age={COOKIE_WORKS_S}; Path=/; HttpOnly; SameSite=Strict"
        await _answer(
            send, 303, b"", [("location", "/"), ("set-cookie", cookie), ("cache-control", "no-store")]
        )

    def _usual(self, scope: Scope) -> str:
        """The same page under the address that Prefect's pages ask: under another they would be of another origin."""
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        return f"http://{addresses(self._keys.port)[0]}{path}{'?' if query else ''}{query}"

    def _with_headers(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *self._always]}
            await send(message)

        return sent

    async def _socket(
        self, asked: Asked, refused: Refusal | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        words = {word.strip() for header in asked.all("sec-websocket-protocol") for word in header.split(",")}
        untold = not asked.all("authorization") and not asked.all("origin")
        if refused is None and self._is_user(asked, scope):
            await self._app(scope, receive, send)
        elif refused is None and untold and "prefect" in words:
            await self._after_its_first_word(scope, receive, send)
        else:
            await receive()  # the wish to connect; closed before it is accepted, which is HTTP status 403
            await send({"type": "websocket.close", "code": _FORBIDDEN, "reason": "not from here"})

    async def _after_its_first_word(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Prefect accept it, and close it again unless its first message holds the secret.

        Several of Prefect's clients send the secret in no header (3.8.8: logs, subscriptions, a worker's channel).
        """
        proven = False

        async def heard() -> Message:
            nonlocal proven
            if proven:
                return await receive()
            try:
                async with asyncio.timeout(FIRST_WORD_WITHIN_S):
                    message = await receive()
            except TimeoutError:
                message = {"type": "websocket.receive", "text": ""}
            if message["type"] != "websocket.receive":
                return message
            if proven := self._keys.is_secret(_token(message)):
                return message
            await send({"type": "websocket.close", "code": _FORBIDDEN, "reason": "the secret is needed"})
            return {"type": "websocket.disconnect", "code": _FORBIDDEN}

        async def said(message: Message) -> None:
            if proven or message["type"] == "websocket.accept":
                await send(message)

        await self._app(scope, heard, said)


_HTML = [("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store")]
_JSON = [("content-type", "application/json")]


async def _answer(send: Send, status: int, body: bytes, headers: Iterable[tuple[str, str]] = _JSON) -> None:
    named = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    named.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body})


def _as_json(why: str) -> bytes:
    """As Prefect's own refusals look, so that its clients show the reason."""
    return json.dumps({"exception_message": why}).encode()


def _cookie(header: str, name: str) -> list[str]:
    """The values of that cookie; other programs at other ports of this host may have set any others."""
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return [value for found, _, value in pairs if found == name]


def _token(message: Message) -> object:
    """What Prefect's first message, {"type": "auth", "token": …}, gives as the secret."""
    try:
        said = json.loads(message.get("text") or message.get("bytes") or "")
    except (ValueError, RecursionError):
        return None
    return said.get("token") if isinstance(said, dict) and said.get("type") == "auth" else None
