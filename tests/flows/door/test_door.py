"""The door in front of a small app, on a real socket: what comes through to the app, and what does not."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from flows.server.door.door import Door, Receive, Scope, Send
from flows.server.door.keys import Keys

PREFECT = [Subprotocol("prefect")]
LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@dataclass
class App:
    """Answers everything, and knows what got that far. Its WebSocket greets as Prefect's does."""

    came: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        self.came.append(scope["path"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"in"})
            return
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "prefect"})
        await send({"type": "websocket.send", "text": "said too early"})
        first = await receive()
        await send({"type": "websocket.send", "text": f"heard {first['type']}"})
        await send({"type": "websocket.close"})


@dataclass
class Open:
    """A door that is being served."""

    keys: Keys
    app: App
    url: str

    def get(self, path: str = "/api/x", method: str = "GET", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(method, self.url + path, headers=named, trust_env=False)

    def raw(self, *lines: str) -> int:
        """The status for a head of just these lines."""
        with socket.create_connection(("127.0.0.1", self.keys.port), timeout=10) as line:
            line.sendall("".join(f"{each}\r\n" for each in (*lines, "")).encode("latin-1"))
            return int(line.recv(1000).split()[1])

    @property
    def cookie(self) -> str:
        return f"{self.keys.cookie_name}={self.keys.cookie(time.time())}"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        keys = Keys.kept_or_made(tmp_path_factory.mktemp("door"), listening.getsockname()[1])
        app = App()
        server = uvicorn.Server(
            uvicorn.Config(Door(app, keys), http="h11", lifespan="off", log_level="critical")
        )
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield Open(keys, app, f"http://127.0.0.1:{keys.port}")
        server.should_exit = True
        thread.join()


@contextmanager
def nothing_comes_through(door: Open) -> Iterator[None]:
    before = list(door.app.came)
    yield
    assert door.app.came == before


def test_a_program_with_the_secret_comes_in_and_without_it_is_told_what_to_set(door: Open) -> None:
    assert door.get(authorization=door.keys.basic()).text == "in"
    with nothing_comes_through(door):
        for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": f"Bearer {door.keys.secret}"}):
            answer = door.get(**headers)
            assert answer.status_code == 401
            assert "PREFECT_API_AUTH_STRING" in answer.json()["exception_message"]
            assert door.keys.secret not in answer.text
        assert door.get(authorization="Basic eDp5", cookie=door.cookie).status_code == 401


def test_anybody_may_ask_whether_it_is_there_and_whose_secret_it_takes(door: Open) -> None:
    answer = door.get("/api/health")
    assert (answer.text, answer.headers["x-chaoslab-door"]) == ("in", door.keys.mark)
    with nothing_comes_through(door):
        for path in ("/api/health/", "/api//health", "/api/health/x", "//api/health", "/api/ready", "/"):
            assert door.get(path).status_code == 401
        assert door.get("/api/health", method="POST").status_code == 401


def test_what_is_not_for_this_address_does_not_come_through_even_with_the_secret(door: Open) -> None:
    proof, here = f"Authorization: {door.keys.basic()}", f"Host: 127.0.0.1:{door.keys.port}"
    assert door.raw("GET /api/x HTTP/1.1", here, proof) == 200
    with nothing_comes_through(door):
        assert door.raw("GET /api/x HTTP/1.1", proof) == 400
        assert door.raw("GET /api/x HTTP/1.0", proof) == 400
        assert door.raw("GET /api/x HTTP/1.1", here, here, proof) == 400
        assert door.raw(f"GET http://127.0.0.1:{door.keys.port}/api/x HTTP/1.1", here, proof) == 400
        assert door.raw("GET http://evil.example/api/x HTTP/1.1", here, proof) == 400
        assert door.raw("OPTIONS * HTTP/1.1", here, proof) == 400
        assert door.raw("GET %2Fapi/x HTTP/1.1", here, proof) == 400
        for host in ("localhost.evil", f"evil.example:{door.keys.port}", "127.0.0.1:1"):
            assert door.raw("GET /api/x HTTP/1.1", f"Host: {host}", proof) == 421
            assert door.raw("GET /api/health HTTP/1.1", f"Host: {host}") == 421
        for origin in ("null", "http://evil.example", "http://127.0.0.1"):
            assert door.raw("POST /api/x HTTP/1.1", here, proof, f"Origin: {origin}") == 403
    assert door.raw("GET /api/x HTTP/1.1", f"Host: [::1]:{door.keys.port}", proof) == 200


def test_a_browser_gets_its_cookie_by_a_link_once(door: Open) -> None:
    link = door.keys.link()
    parts = urlsplit(link)
    entered = door.get(f"{parts.path}?{parts.query}", **LINK)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    given, *attributes = entered.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)

    assert door.get(cookie=given).text == "in"
    assert door.get(cookie=f"other={{'; {given}; x").text == "in"
    with nothing_comes_through(door):
        assert door.get(f"{parts.path}?{parts.query}", **LINK).status_code == 401
        assert door.get("/door?key=wrong").status_code == 401
        assert door.get("/door").status_code == 401


def test_a_cookie_alone_changes_nothing(door: Open) -> None:
    """The browser must have said that our own page asks: old ones leave a form's Origin out."""
    assert door.get(method="POST", cookie=door.cookie, origin=door.url).text == "in"
    assert door.get(method="POST", cookie=door.cookie, sec_fetch_site="same-origin").text == "in"
    with nothing_comes_through(door):
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            assert door.get(method=method, cookie=door.cookie).status_code == 401
        assert door.get(method="POST", cookie=door.cookie, sec_fetch_site="none").status_code == 401
        assert door.get(cookie=door.cookie.replace(str(door.keys.port), "1")).status_code == 401


def test_a_page_without_a_cookie_says_what_to_do(door: Open) -> None:
    with nothing_comes_through(door):
        closed = door.get("/runs", **LINK, sec_fetch_site="none")
        assert (closed.status_code, "chaoslab up" in closed.text, "refresh" in closed.text) == (
            401,
            True,
            False,
        )
        followed = door.get("/runs", **LINK, sec_fetch_site="cross-site")
        assert (followed.status_code, "refresh" in followed.text) == (401, True)
        moved = door.get("/runs?a=b", **LINK, host=f"localhost:{door.keys.port}")
        assert (moved.status_code, moved.headers["location"]) == (307, f"{door.url}/runs?a=b")


def test_no_page_may_frame_or_read_an_answer(door: Open) -> None:
    for answer in (door.get(authorization=door.keys.basic()), door.get(), door.get("/", host="evil.example")):
        assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be another user")
def test_another_user_s_cookie_and_link_do_not_open(door: Open) -> None:
    """A cookie is shown to every port of this host, so to a server of another user as well."""
    link = urlsplit(door.keys.link())
    with nothing_comes_through(door):
        for head in (
            ["GET /api/x HTTP/1.1", f"Cookie: {door.cookie}"],
            [f"GET {link.path}?{link.query} HTTP/1.1"],
        ):
            sent = "".join(f"{line}\r\n" for line in (*head, f"Host: 127.0.0.1:{door.keys.port}", ""))
            for hangs_up in (False, True):
                assert b" 200 " not in (got := _as_nobody(door.keys.port, sent, hangs_up))
                assert hangs_up or b" 401 " in got
        door.get()  # which is answered after those
    assert door.keys.takes_link(link.query.removeprefix("key="))


def _as_nobody(port: int, sent: str, hangs_up: bool) -> bytes:
    """What another user of this machine is answered; or nothing, when it hangs up as soon as it has asked."""
    code = (
        "import os, socket, sys; os.setuid(65534); line = socket.socket();"
        f"line.connect(('127.0.0.1', {port})); line.sendall({sent.encode()!r});"
        f"sys.stdout.buffer.write(b'' if {hangs_up} else line.recv(1000))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=30).stdout


def dialled(door: Open, first: Any, *, wait: bool = True, **options: Any) -> list[str]:
    """What a WebSocket hears after its first message."""
    url = f"ws://127.0.0.1:{door.keys.port}/api/events/in"
    with connect(url, proxy=None, **options) as line:
        line.send(first if isinstance(first, str) else json.dumps(first))
        return [str(each) for each in line]


def test_a_websocket_with_the_secret_comes_in(door: Open) -> None:
    heard = ["said too early", "heard websocket.receive"]
    proof = {"Authorization": door.keys.basic()}
    assert dialled(door, "x", additional_headers=proof, subprotocols=PREFECT) == heard
    cookie = {"Cookie": door.cookie}
    page = {"additional_headers": cookie, "origin": Origin(door.url)}
    assert dialled(door, "x", subprotocols=PREFECT, **page) == heard
    told = {"type": "auth", "token": door.keys.secret}
    assert dialled(door, told, subprotocols=PREFECT) == ["heard websocket.receive"]


@pytest.mark.parametrize(
    "first",
    [
        {"type": "auth", "token": None},
        {"type": "auth", "token": "wrong"},
        {"type": "auth", "token": ["x"]},
        {"type": "event"},
        ["auth"],
        "",
        "{",
        "[" * 100_000,
    ],
    ids=str,
)
def test_a_websocket_whose_first_word_is_not_the_secret_hears_nothing(door: Open, first: Any) -> None:
    with pytest.raises(ConnectionClosed) as closed:
        dialled(door, first, subprotocols=PREFECT)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "the secret is needed")


def test_a_websocket_of_a_page_or_of_another_protocol_is_not_accepted(door: Open) -> None:
    token = {"type": "auth", "token": door.keys.secret}
    proof, cookie = {"Authorization": door.keys.basic()}, {"Cookie": door.cookie}
    wrong = {"Authorization": "Basic eDp5"}
    attempts: list[dict[str, Any]] = [
        {},
        {"subprotocols": [Subprotocol("other")]},
        {"subprotocols": PREFECT, "origin": Origin("http://evil.example")},
        {"subprotocols": PREFECT, "origin": Origin("null")},
        {"subprotocols": PREFECT, "origin": Origin(door.url)},
        {"subprotocols": PREFECT, "additional_headers": wrong},
        {"additional_headers": proof, "origin": Origin("http://evil.example")},
        {"additional_headers": cookie},
    ]
    with nothing_comes_through(door):
        for options in attempts:
            with pytest.raises(InvalidStatus) as refused:
                dialled(door, token, **options)
            assert refused.value.response.status_code == 403


def test_who_says_nothing_does_not_stay(door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.server.door.door.FIRST_WORD_WITHIN_S", 0.2)
    url = f"ws://127.0.0.1:{door.keys.port}/api/x"
    with connect(url, subprotocols=PREFECT, proxy=None) as line, pytest.raises(ConnectionClosed):
        line.recv(timeout=10)


def test_what_is_no_websocket_or_request_is_passed_on(tmp_path: Path) -> None:
    passed: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["type"])

    door = Door(app, Keys.kept_or_made(tmp_path, 4200))
    asyncio.run(door({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert passed == ["lifespan"]
