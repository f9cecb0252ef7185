"""The endpoint on a real socket: what it answers, for whom it rings, and what it does not put up with."""

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette

from chaos.gitops.repository.source import Source
from chaos.gitops.webhook.app import MOST_BODY_BYTES, PATH, Webhook, WebhookError
from chaos.gitops.webhook.server import MOST_AT_ONCE, serving

SECRET = "it is 16 long, or longer"
SHOP = Source("https://git.example/team/shop.git")


def signed(after: str = "1", secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """The body of a push and its headers, as GitHub sends them."""
    pushed = {"ref": "refs/heads/main", "after": after, "repository": {"clone_url": SHOP.url}}
    body = json.dumps(pushed).encode()
    proof = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"X-Hub-Signature-256": f"sha256={proof}", "Content-Type": "application/json"}


@dataclass
class Call:
    """One open endpoint, and what became of it."""

    url: str
    port: int
    rung: list[Source] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def push(self, after: str = "1", secret: str = SECRET) -> httpx.Response:
        body, headers = signed(after, secret)
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(self.url, content=body, headers=headers)

    async def raw(self, *parts: bytes) -> bytes:
        """What comes back when just these bytes are sent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.writelines(parts)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


def call(use: Callable[[Call], Awaitable[None]], within_s: float = 10.0) -> Call:
    """Open the endpoint, use it, close it."""

    async def opened() -> Call:
        rung: list[Source] = []
        said: list[str] = []
        webhook = Webhook([SHOP], SECRET, rung.append, said.append, within_s)
        async with serving(webhook, "127.0.0.1", 0) as (_, port):
            one = Call(f"http://127.0.0.1:{port}{PATH}", port, rung, said)
            await use(one)
        return one

    return asyncio.run(opened())


def test_a_push_is_answered_at_once_and_rung_for_and_once_only() -> None:
    async def use(one: Call) -> None:
        first, again, other = await one.push(), await one.push(), await one.push("2")
        assert (first.status_code, first.text) == (202, f"heard: {SHOP.url}#main:experiments\n")
        assert (again.status_code, again.text) == (202, "heard before\n")
        assert other.status_code == 202

    one = call(use)
    assert one.rung == [SHOP, SHOP]
    assert one.said[0] == f"webhook from 127.0.0.1: 202 heard: {SHOP.url}#main:experiments"


def test_who_does_not_know_the_secret_rings_for_nothing() -> None:
    async def use(one: Call) -> None:
        assert (await one.push(secret="another of the same size")).status_code == 401
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(one.url)).text == "listening\n"
            assert (await client.put(one.url)).status_code == 405
            assert (await client.post(one.url.removesuffix(PATH))).status_code == 404

    one = call(use)
    assert one.rung == []
    assert SECRET not in "".join(one.said)


POST = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()
SIGNED = b"Content-Length: 2\r\nwebhook-id: m1\r\nwebhook-signature: v1,x\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (f"POST {PATH} HTTP/2.0\r\n\r\n".encode(), 400),
        (POST + b"a: b\r\n" * 101 + b"\r\n", 400),
        (POST + b"a: " + b"b" * 20_000 + b"\r\n\r\n", 431),
        (POST + b"\r\n", 411),
        (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 411),
        (POST + SIGNED + b"webhook-timestamp: " + b"9" * 5000 + b"\r\n\r\n{}", 401),
        (POST + SIGNED + b"webhook-timestamp: nan\r\n\r\n{}", 401),
        (POST + SIGNED + b"webhook-timestamp: " + b"9" * 20_000 + b"\r\n\r\n{}", 431),
        (POST + b"Content-Length: -1\r\n\r\n", 411),
        (POST + "Content-Length: ²\r\n\r\n".encode("latin-1"), 411),
        (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (POST + f"Content-Length: {MOST_BODY_BYTES + 1}\r\n\r\n".encode() + b"x" * 1_000_000, 413),
        (POST + b"Content-Length: 2\r\n\r\n{}", 401),
        (POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}", 100),
    ],
)
def test_what_is_no_decent_request_gets_its_answer(sent: bytes, status: int) -> None:
    async def use(one: Call) -> None:
        assert (await one.raw(sent)).startswith(f"HTTP/1.1 {status} ".encode())
        assert (await one.push()).status_code == 202

    call(use)


def test_who_is_slow_or_goes_away_holds_nobody_up() -> None:
    async def use(one: Call) -> None:
        slow = asyncio.create_task(one.raw(POST))
        gone = await asyncio.open_connection("127.0.0.1", one.port)
        gone[1].write(POST + b"Content-Length: 9\r\n\r\n{")
        gone[1].close()
        assert (await one.push()).status_code == 202
        assert (await slow).startswith(b"HTTP/1.1 408 ")

    call(use, within_s=1.0)


def test_too_many_at_once_are_told_so() -> None:
    async def use(one: Call) -> None:
        idle = [await asyncio.open_connection("127.0.0.1", one.port) for _ in range(MOST_AT_ONCE)]
        assert (await one.push()).status_code == 503
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(60):
            while (await one.push("2")).status_code == 503:
                pass

    call(use)


def test_a_short_secret_and_a_taken_port_are_refused() -> None:
    async def opened(port: int) -> None:
        async with serving(Webhook([SHOP], SECRET, print), "127.0.0.1", port):
            pass

    with pytest.raises(WebhookError, match="CHAOSLAB_WEBHOOK_SECRET: expected at least 16"):
        Webhook([SHOP], "", print)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(WebhookError, match=f"cannot listen on 127.0.0.1:{port}"):
            asyncio.run(opened(port))


def test_it_can_be_mounted_beside_other_routes() -> None:
    async def use() -> list[int]:
        webhook = Webhook([SHOP], SECRET, lambda source: None)
        app = Starlette(routes=[webhook.route("/api/v1/webhook")])
        body, headers = signed()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            answers = [
                await client.post("/api/v1/webhook", content=body, headers=headers),
                await client.get("/api/v1/webhook"),
                await client.post("/api/v1/webhook", content=body),
                await client.post(PATH, content=body, headers=headers),
            ]
        return [answer.status_code for answer in answers]

    assert asyncio.run(use()) == [202, 200, 401, 404]


def test_nonsense_after_the_answer_ends_the_connection_and_nothing_else() -> None:
    async def use(one: Call) -> None:
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        assert (await one.raw(chunked, b"zzz\r\n")).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 411 "))
        assert (await one.raw(chunked, b"1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n")).count(b"HTTP/1.1 ") == 1
        assert (await one.push()).status_code == 202

    call(use)
