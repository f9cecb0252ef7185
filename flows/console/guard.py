"""What stands in front of every route: address, person, limits, body, audit, and the headers of every answer.

1. address   Host, Origin, Sec-Fetch-Site (addresses)
2. person    the same user over the loopback, or a token (people); health and version are for everybody
3. limits    reads a second of each person, failures of each address, the size and the time of a body
4. answer    headers of every answer, HEAD and OPTIONS; what changes something is written down
"""

import asyncio
import logging
import secrets
from typing import Any, Protocol

from flows.console import bodies
from flows.console.addresses import Addresses, changes
from flows.console.answering import Answer, refuse
from flows.console.built import is_page, is_public
from flows.console.counting import REQUESTS
from flows.console.limits import FAILURES, READS, UPLOADS, Buckets
from flows.console.people import NOBODY, Doorkeeper, Person
from flows.console.problems import Refused
from flows.server.door.door import App, Message, Receive, Scope, Send
from flows.server.door.rules import Asked

OPEN = ("/api/v1/health", "/api/v1/version")
"""For whoever reaches the port: says nothing of what is here."""
LOGIN = "/api/v1/session"
_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
UNLIMITED = ("/stop", "/halt")
"""What ends something is never refused for having been asked too often."""
_LOG = logging.getLogger("chaoslab.console")


class Audit(Protocol):
    """Where it is written down who changed what."""

    def note(self, who: str, where: str, what: str, on: str, answer: int) -> None:
        """Write down one change."""


class Guard:
    """An ASGI app in front of the console's."""

    def __init__(self, app: App, addresses: Addresses, doorkeeper: Doorkeeper, audit: Audit) -> None:
        self._app = app
        self._addresses = addresses
        self._doorkeeper = doorkeeper
        self._audit = audit
        self._reads = Buckets(READS)
        self._uploads = Buckets(UPLOADS)
        self._failures = Buckets(FAILURES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification, 3.0."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "there are no WebSockets here"})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked, request_id = Asked.of(scope), secrets.token_hex(8)
        answer = Answer(
            send, asked.method, request_id, asked.first("accept-encoding"), asked.first("if-none-match")
        )
        scope.setdefault("state", {})["request_id"] = request_id
        person: Person | None = None
        try:
            self._addresses.check(asked)
            person = await self._who(asked, scope)
            self._check_body(asked)
            self._limit(asked, person, scope)
            scope["state"]["person"] = person
            if asked.method == "HEAD":
                scope = {**scope, "method": "GET"}
            await self._app(
                scope,
                answer.receiving(
                    _bounded(receive, scope["state"], bodies.taken(asked)) if changes(asked) else receive
                ),
                answer,
            )
        except Refused as refused:
            await refuse(answer, refused, asked.path, request_id)
        finally:
            if asked.path == LOGIN and answer.status == 401:
                self._failures.take(str((scope.get("client") or ["?"])[0]))
            REQUESTS.labels(asked.method if asked.method in _METHODS else "other", str(answer.status)).inc()
            if changes(asked) and not (person and bodies.is_piece(asked)):
                await self._write_down(asked, scope, person, answer.status)

    async def _who(self, asked: Asked, scope: Scope) -> Person | None:
        """Raises Refused."""
        is_open = (asked.path in OPEN or is_public(asked.path)) and not changes(asked)
        if is_open or asked.path == bodies.WEBHOOK:
            return None  # nothing is told, or the delivery proves itself
        address, headers = str((scope.get("client") or ["?"])[0]), asked.all("authorization")
        login = asked.path == LOGIN and asked.method in ("POST", "DELETE")
        if (headers or login) and (wait := self._failures.is_empty(address)):
            raise Refused("too-many", "too many tokens that do not open", retry_after_s=wait)
        if login:
            return None  # whoever has a token; `_http` counts those who have not
        given, cookies = headers[0] if headers else None, "; ".join(asked.all("cookie"))
        look = self._doorkeeper.person
        person = None if len(headers) > 1 else await asyncio.to_thread(look, given, cookies, scope)
        if person is None:
            if headers:
                self._failures.take(address)
            elif asked.navigates and is_page(asked.path):
                return None  # a browser is shown where a token goes, and nothing else
            raise Refused(
                "unauthenticated",
                "this token does not open" if headers else NOBODY,
                headers={"www-authenticate": "Bearer"},
            )
        return person

    def _limit(self, asked: Asked, person: Person | None, scope: Scope) -> None:
        if asked.path.endswith(UNLIMITED):
            return
        name = person.name if person else f"anybody at {(scope.get('client') or ['?'])[0]}"
        if wait := self._reads.take(name):
            raise Refused("too-many", f"{name} asks too often", retry_after_s=wait)
        if bodies.is_piece(asked) and (wait := self._uploads.take(name, _bytes_of(asked))):
            raise Refused("too-many", f"{name} delivers more than 20 MB a second", retry_after_s=wait)

    def _check_body(self, asked: Asked) -> None:
        if not changes(asked):
            return
        length, taken = asked.first("content-length"), bodies.taken(asked)
        if length and not (length.isascii() and length.isdigit() and len(length) < 12):
            raise Refused("bad-request", "Content-Length is no number")
        if length and int(length) > taken.most_bytes:
            raise Refused("too-large", f"a body of {length} bytes; {taken.most_bytes} at most")
        kind = asked.first("content-type").partition(";")[0].strip().lower()
        if asked.method != "DELETE" and taken.kind and kind != taken.kind:
            raise Refused("unsupported-media-type", f"a body of the type {kind[:60] or 'nobody knows'!r}")

    async def _write_down(self, asked: Asked, scope: Scope, person: Person | None, status: int) -> None:
        who = person.name if person else ""
        where = str((scope.get("client") or ["?"])[0])
        await asyncio.to_thread(self._audit.note, who, where, asked.method, asked.path[:300], status)


def _bytes_of(asked: Asked) -> float:
    """As many as it says, and as many as it may have when it does not say."""
    return float(asked.first("content-length") or bodies.taken(asked).most_bytes)


def _bounded(receive: Receive, state: dict[str, Any], taken: bodies.BodyBounds) -> Receive:
    """A body that is neither larger nor slower than it may be; `state` keeps why not, whoever swallows it."""
    had, until = 0, asyncio.get_running_loop().time() + taken.within_s
    whole = False

    async def received() -> Message:
        nonlocal had, whole
        if whole:
            return await receive()  # only the end of the connection is still to come
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            state["refused"] = Refused("bad-request", f"the body did not come within {taken.within_s:g} s")
            raise state["refused"] from None
        if message["type"] == "http.request":
            had += len(message.get("body", b""))
            whole = not message.get("more_body", False)
        if had > taken.most_bytes:
            state["refused"] = Refused("too-large", f"a body of more than {taken.most_bytes} bytes")
            raise state["refused"]
        return message

    return received


def broken(path: str, request_id: str, error: BaseException) -> Refused:
    """A mistake of ours: its traceback goes to the log, and nowhere else."""
    _LOG.error("%s %a", request_id, path, exc_info=error)
    return Refused("broken", "something went wrong here; the console's log says what")
