"""How answers leave: headers that every one has, ETag and gzip of JSON, HEAD without a body."""

import gzip
import hashlib
from typing import Any

from flows.console.problems import Refused
from flows.server.door.door import Message, Receive, Send

PAGES = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_EVERY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
_JSON = b"application/json"
_GZIP_FROM = 1024
_WHOLE_UP_TO = 4 * 2**20
"""An answer that is put together here before it leaves; a larger one goes as it comes."""


class Answer:
    """One answer on its way. JSON is held until it is whole, everything else passes."""

    def __init__(self, send: Send, method: str, request_id: str, encodings: str, known: str) -> None:
        self._send = send
        self._head = method == "HEAD"
        self._plain = method in ("GET", "HEAD")
        self._gzip = "gzip" in {each.partition(";")[0].strip() for each in encodings.lower().split(",")}
        self._known = {each.strip().removeprefix("W/") for each in known.split(",")}
        self._request_id = request_id
        self._start: Message | None = None
        self._held = b""
        self.status = 0
        self.begun = False
        self._over = False

    async def __call__(self, message: Message) -> None:
        """Send it on, or keep it until the rest is there."""
        if self._over:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._start = {**message, "headers": self._with_ours(list(message.get("headers", ())))}
            if not self._is_held():
                await self._begin()
        elif message["type"] == "http.response.body":
            await self._body(message)
        else:
            await self._send(message)

    async def _body(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.begun:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
            return
        self._held += body
        if len(self._held) > _WHOLE_UP_TO and not self._head:
            await self._begin()
            await self._send({"type": "http.response.body", "body": self._held, "more_body": more})
        elif not more:
            await self._whole()

    def receiving(self, receive: Receive) -> Receive:
        """What the app hears: that nobody listens any more, once a HEAD has been answered."""

        async def received() -> Message:
            return {"type": "http.disconnect"} if self._over else await receive()

        return received

    async def _begin(self) -> None:
        assert self._start is not None
        self.begun = True
        await self._send(self._start)
        if self._head:
            self._over = True
            await self._send({"type": "http.response.body", "body": b""})

    async def _whole(self) -> None:
        assert self._start is not None
        body, headers = self._held, self._start["headers"]
        names = {name for name, _ in headers}
        if self._plain and self.status == 200:
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            headers.append((b"etag", tag.encode()))
            if b"cache-control" not in names:
                headers.append((b"cache-control", b"private, no-cache"))
            if tag in self._known:
                self.status, body = 304, b""
                self._start = {**self._start, "status": 304}
                headers[:] = [each for each in headers if each[0] not in (b"content-length", b"content-type")]
        if self._gzip and len(body) > _GZIP_FROM:
            body = gzip.compress(body, 5, mtime=0)
            headers += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
        headers[:] = [each for each in headers if each[0] != b"content-length"]
        if self.status != 304:
            headers.append((b"content-length", str(len(body)).encode()))
        await self._begin()
        if not self._over:
            await self._send({"type": "http.response.body", "body": body})

    def _is_held(self) -> bool:
        assert self._start is not None
        kinds = [value for name, value in self._start["headers"] if name == b"content-type"]
        return self.status == 200 and bool(kinds) and kinds[0].startswith(_JSON)

    def _with_ours(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        low = [(name.lower(), value) for name, value in headers]
        names = {name for name, _ in low}
        policy = (
            () if b"content-security-policy" in names else ((b"content-security-policy", PAGES.encode()),)
        )
        return [*low, *_EVERY, *policy, (b"x-request-id", self._request_id.encode())]


async def refuse(answer: Answer, refused: Refused, path: str, request_id: str) -> None:
    """Answer with the problem, unless something else is on its way already."""
    if answer.begun:
        return
    body = refused.body(path, request_id)
    headers: list[Any] = [
        (name.encode(), value.encode("latin-1", "replace")) for name, value in refused.all_headers().items()
    ]
    headers.append((b"content-length", str(len(body)).encode()))
    await answer({"type": "http.response.start", "status": refused.status, "headers": headers})
    await answer({"type": "http.response.body", "body": body})
