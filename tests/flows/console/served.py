"""A console that is served on a real socket by a thread, and clients of it."""

import asyncio
import contextvars
import hashlib
import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx

from chaos.errors import ChaosLabError
from chaos.history.models import Token
from chaos.history.store import History
from flows.console.limits import Rate
from flows.console.serving import Wanted, serve

BASE = "/api/v1"
_STARTS_WITHIN_S = 120.0
_MANY = Rate(1000.0, 1000.0)


@dataclass(frozen=True)
class Console:
    """Where it is, and who asks."""

    url: str
    client: httpx.Client

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def get(self, path: str, status: int = 200, **words: Any) -> Any:
        """The JSON of an answer with that status."""
        return self.ask("GET", path, status, **words).json()

    def post(self, path: str, body: object, status: int = 202, **words: Any) -> Any:
        return self.ask("POST", path, status, json=body, **words).json()

    def ask(self, verb: str, path: str, status: int, **words: Any) -> httpx.Response:
        where = path if path.startswith(("/api", "/experiment/")) else BASE + path
        answer = self.client.request(verb, where, **words)
        assert answer.status_code == status, f"{verb} {where}: {answer.status_code} {answer.text[:2000]}"
        return answer

    def raw(self, *lines: str, body: bytes = b"") -> int:
        """The status for a request with just these lines."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as line:
            line.sendall("".join(f"{each}\r\n" for each in (*lines, "")).encode("latin-1") + body)
            return int(line.recv(1000).split()[1])


def client(url: str, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=120, trust_env=False, headers=headers)


def token(role: str, **more: Any) -> str:
    """A new token with that role in the history that the console uses."""
    made = secrets.token_urlsafe(32)
    digest = hashlib.sha256(made.encode()).hexdigest()
    with History.open() as history:
        history.add_token(Token(name=f"{role}-{secrets.token_hex(4)}", role=role, sha256=digest, **more))
    return made


def streamed(url: str, id: str, after: str | None = None) -> list[tuple[str | None, str, Any]]:
    """(id, event, data) of a run's stream, from there to its end."""
    found: list[tuple[str | None, str, Any]] = []
    headers = {"Last-Event-ID": after} if after else {}
    with (
        httpx.Client(base_url=url, timeout=300, trust_env=False, headers=headers) as asking,
        asking.stream("GET", f"{BASE}/runs/{id}/events") as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line and name:
                fields[name] = value
            elif "event" in fields:
                found.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
                fields = {}
    return found


@contextmanager
def served(out: Path, *, starts: Rate = _MANY, **wanted: Any) -> Iterator[Console]:
    """Serve it while the block lasts, at a port of its own, with the settings of this process."""
    made = Wanted(**{"worker": False, **wanted}, out=out, starts=starts)
    said: Queue[str | ChaosLabError] = Queue()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def scene() -> None:
        task = asyncio.ensure_future(serve(made, said.put))
        stop.append((asyncio.get_running_loop(), task))
        try:
            await task
        except asyncio.CancelledError:
            pass
        except ChaosLabError as error:
            said.put(error)

    thread = Thread(target=contextvars.copy_context().run, args=(asyncio.run, scene()))
    thread.start()
    try:
        while not (line := _told(said)).startswith("console: "):
            pass
        url = line.removeprefix("console: ")
        with client(url) as asking:
            yield Console(url, asking)
    finally:
        if stop:
            loop, task = stop[0]
            with suppress(RuntimeError):  # it has ended by itself, and closed its loop
                loop.call_soon_threadsafe(task.cancel)
        thread.join(60)
        assert not thread.is_alive()


def _told(said: "Queue[str | ChaosLabError]") -> str:
    found = said.get(timeout=_STARTS_WITHIN_S)
    if isinstance(found, ChaosLabError):
        raise found
    return found
