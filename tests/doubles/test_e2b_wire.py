"""E2B's wire, byte for byte: what its client sends, what it reads, and that the double reads and says the same.

The bytes were recorded between the client, version 2.63, and a server that answered as envd 0.6.13 does. When a new
client sends something else, this is the first to know, and the double is to be looked at again.
"""

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from e2b import E2B, CommandExitException

from chaos.sandboxes.e2b.provider import E2BSandbox
from tests.doubles.e2b.frames import frame
from tests.sandboxes.microvm import MIB, at_double

CREATE = b'{"templateID":"base","timeout":60,"autoPause":false,"metadata":{"a":"b c"},"envVars":{}}'
CREATED = (
    b'{"templateID":"base","sandboxID":"iabc","clientID":"c","envdVersion":"0.6.13","envdAccessToken":"tok",'
    b'"trafficAccessToken":null,"domain":null}'
)
START = (
    b'\x00\x00\x00\x00h{"process":{"cmd":"/bin/bash","args":["-l","-c","echo hi"],"envs":{"A":"1"},"cwd":"/tmp"},'
    b'"stdin":false}'
)
STARTED = (
    b'\x00\x00\x00\x00\x20{"event": {"start": {"pid": 7}}}'
    b'\x00\x00\x00\x00\x27{"event": {"data": {"stdout": "aGkK"}}}'
    b'\x00\x00\x00\x00\x1c{"event": {"keepalive": {}}}'
    b'\x00\x00\x00\x00\x68{"event": {"end": {"exitCode": 3, "exited": true, "status": "exit stat'
    b'us 3", "error": "exit status 3"}}}'
    b"\x02\x00\x00\x00\x02{}"
)
HEADERS_OF_A_CREATION = {"x-api-key": "e2b_x", "idempotency-key": "k-1", "content-type": "application/json"}
HEADERS_OF_A_COMMAND = {
    "authorization": "Basic cm9vdDo=",
    "connect-protocol-version": "1",
    "content-type": "application/connect+json",
    "e2b-sandbox-id": "iabc",
    "e2b-sandbox-port": "49983",
    "keepalive-ping-interval": "50",
    "x-access-token": "tok",
}

Request = tuple[str, dict[str, str], bytes]


async def recorded(scene: Callable[[E2B], Awaitable[None]]) -> list[Request]:
    """What the client sends while it gets the recorded answers."""
    requests: list[Request] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            line, headers, body = await _request(reader)
            requests.append((line, headers, body))
            status, kind, answer = (
                ("201 Created", "application/json", CREATED)
                if "/v2/sandboxes" in line
                else ("200 OK", "application/connect+json", STARTED)
            )
            head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(answer)}\r\nconnection: close"
            writer.write(f"{head}\r\n\r\n".encode() + answer)
            await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        await scene(E2B(api_key="e2b_x", api_url=url, sandbox_url=url))
    return requests


async def _request(reader: asyncio.StreamReader) -> Request:
    line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
    if headers.get("transfer-encoding") != "chunked":
        return line, headers, await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return line, headers, body


def test_the_client_sends_and_reads_what_was_recorded() -> None:
    async def scene(client: E2B) -> None:
        machine = await client.AsyncSandbox.create(
            "base", timeout=60, metadata={"a": "b c"}, idempotency_key="k-1", lifecycle={"on_timeout": "kill"}
        )
        with pytest.raises(CommandExitException) as ended:
            await machine.commands.run("echo hi", user="root", envs={"A": "1"}, cwd="/tmp", timeout=0)
        assert (ended.value.stdout, ended.value.exit_code) == ("hi\n", 3)

    creation, command = asyncio.run(recorded(scene))
    assert creation[0] == "POST /v2/sandboxes HTTP/1.1"
    assert creation[1].items() >= HEADERS_OF_A_CREATION.items()
    assert creation[2] == CREATE
    assert command[0] == "POST /process.Process/Start HTTP/1.1"
    assert command[1].items() >= HEADERS_OF_A_COMMAND.items()
    assert "connect-timeout-ms" not in command[1]  # with it the process would be killed
    assert command[2] == START


def test_a_command_with_a_deadline_says_so_to_the_server() -> None:
    async def scene(client: E2B) -> None:
        machine = await client.AsyncSandbox.create("base")
        with pytest.raises(CommandExitException):
            await machine.commands.run("echo hi")

    _, command = asyncio.run(recorded(scene))
    assert command[1]["connect-timeout-ms"] == "60000"


def test_what_is_done_from_outside_is_asked_for_as_recorded() -> None:
    async def scene(client: E2B) -> None:
        machine = await client.AsyncSandbox.create("base")
        await machine.pause()
        await machine.update_network({"allow_out": [], "deny_out": ["0.0.0.0/0"]})
        await client.AsyncSandbox.connect("iabc", timeout=60)

    _, *requests = asyncio.run(recorded(scene))
    assert [(line, body) for line, _, body in requests] == [
        ("POST /sandboxes/iabc/pause HTTP/1.1", b"{}"),
        ("PUT /sandboxes/iabc/network HTTP/1.1", b'{"allowOut":[],"denyOut":["0.0.0.0/0"]}'),
        ("POST /v2/sandboxes/iabc/connect HTTP/1.1", b'{"timeout":60}'),
    ]


def test_frames_are_as_recorded() -> None:
    assert frame({"event": {"start": {"pid": 7}}}) == STARTED[: 5 + 0x20]
    assert frame({}, 2) == STARTED[-7:]


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Flags and text of each."""
    while data:
        flags, size = struct.unpack(">BI", data[:5])
        yield flags, data[5 : 5 + size]
        data = data[5 + size :]


@pytest.mark.parametrize(
    ("deadline", "command", "end"),
    [
        ({}, b"echo hi", {"exitCode": 0, "exited": True, "status": "exit status 0"}),
        (
            {"connect-timeout-ms": "300"},
            b"exec sleep 60",
            {"exitCode": -1, "exited": False, "status": "signal: killed", "error": "signal: killed"},
        ),
    ],
    ids=["to its end", "until its deadline"],
)
def test_the_double_reads_what_was_recorded(
    deadline: dict[str, str], command: bytes, end: dict[str, Any]
) -> None:
    text = START[5:].replace(b"echo hi", command)
    request = struct.pack(">BI", 0, len(text)) + text

    async def scene(url: str) -> None:
        box = await E2BSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60)
        machine = box._machine._sdk
        own = {
            "e2b-sandbox-id": box.ref.id,
            "x-access-token": machine.connection_config.sandbox_headers["X-Access-Token"],
        }
        headers = HEADERS_OF_A_COMMAND | own | {"connection": "close"} | deadline
        async with httpx.AsyncClient() as http:
            answer = await http.post(
                f"{url}/process.Process/Start", content=request, headers=headers, timeout=20
            )
        await box.destroy()
        assert answer.headers["content-type"] == "application/connect+json"
        said = [(flags, httpx.Response(200, content=text).json()) for flags, text in frames(answer.content)]
        assert [flags for flags, _ in said] == [0] * (len(said) - 1) + [2]
        assert isinstance(said[0][1]["event"]["start"]["pid"], int)
        if not deadline:
            assert said[1][1] == {"event": {"data": {"stdout": "aGkK"}}}
            assert said[-2:] == [(0, {"event": {"end": end}}), (2, {})]
        else:  # the line ends by itself at the same time: whichever comes first
            assert said[-1][1] in (
                {},
                {"error": {"code": "deadline_exceeded", "message": "context deadline exceeded"}},
            )

    with at_double() as double:
        asyncio.run(scene(double.url))
