"""The double as a running server: in a thread, on a port of its own, with a token, and able to misbehave."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.doubles.grafana import annotations, dashboards, places, sources
from tests.doubles.grafana.store import Store, refusal

OPEN = ("/api/health", "/d/")
"""What needs no token."""


@dataclass
class Grafana:
    """One Grafana. What tests look at: `store`, `calls`; what makes it misbehave: `failing`, `hanging`."""

    generation: str = "k8s"
    token: str = "glsa_of_the_double"
    port: int = 0
    failing: dict[str, int] = field(default_factory=dict)
    """Beginning of a path -> the status that it answers with."""
    stumbling: dict[str, list[int]] = field(default_factory=dict)
    """`METHOD /path` -> statuses that its next requests get."""
    hanging: str | None = None
    """Beginning of the paths that never answer."""
    calls: list[str] = field(default_factory=list)
    """`METHOD /path status` of every request."""
    called: threading.Event = field(default_factory=threading.Event)
    """Set by a request that hangs, so that nobody needs to guess when."""

    def __post_init__(self) -> None:
        self.store = Store(self.generation)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.store.url

    def application(self) -> ASGIApp:
        """The whole of it."""
        routes: list[Route] = [
            *places.ROUTES,
            *dashboards.ROUTES,
            *sources.ROUTES,
            *annotations.ROUTES,
        ]
        app = Starlette(routes=routes)
        app.state.store = self.store

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return await app(scope, receive, send)
            answer = await self._unwilling(scope)
            return await (answer or app)(scope, receive, self._noting(scope, send))

        return guarded

    async def _unwilling(self, scope: Scope) -> JSONResponse | None:
        path = scope["path"]
        if self.hanging is not None and path.startswith(self.hanging):
            self.called.set()
            await asyncio.Event().wait()
        if left := self.stumbling.get(f"{scope['method']} {path}"):
            return refusal(left.pop(0), "as the test wanted it, once")
        for begins, status in self.failing.items():
            if path.startswith(begins):
                return refusal(status, "as the test wanted it")
        said = dict(scope["headers"]).get(b"authorization", b"").decode()
        if not path.startswith(OPEN) and said != f"Bearer {self.token}":
            return refusal(401, "Invalid API key", messageId="api-key.invalid")
        return None

    def _noting(self, scope: Scope, send: Send) -> Send:
        async def noting(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                self.calls.append(f"{scope['method']} {scope['path']} {message['status']}")
            await send(message)

        return noting  # type: ignore[return-value]

    @contextlib.contextmanager
    def running(self) -> Iterator["Grafana"]:
        """Serve until the block ends."""
        # Its protocol is named, or asyncio leaves Nagle's algorithm on, which costs 40 ms an answer.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", self.port))
            listening.listen()
            self.store.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            server = uvicorn.Server(
                uvicorn.Config(
                    self.application(), log_level="critical", lifespan="off", timeout_graceful_shutdown=0
                )
            )
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
            thread.start()  # the socket listens already: nobody is turned away meanwhile
            try:
                yield self
            finally:
                server.should_exit = True
                thread.join(10)
