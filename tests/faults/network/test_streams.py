"""HTTP/2 through the proxy: Node's server and Node's client, with a share of the streams tampered with."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest

from chaos.faults.http.authority import Authority
from chaos.faults.http.passage import Passage
from chaos.faults.http.secured import Terms
from chaos.faults.http.tampering import Dice, Mode, Tampering
from chaos.faults.http.wire import Wire

NODE = ["node", str(Path(__file__).with_name("http2.js"))]
WITHIN_S = 180
INTERNAL, REFUSED, CALM = 2, 7, 11
"""Error codes of RFC 9113, section 7."""


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with serving() as port:
        yield port


@contextmanager
def serving(*files: str) -> Iterator[int]:
    with subprocess.Popen([*NODE, "server", "0", *files], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        yield int(started.stdout.readline())
        started.kill()


def dice(mode: Mode = "status", path: str = "/nowhere", **more: Any) -> Dice:
    fields = {"method": None, "share": 1.0, "status": 503, "retry_after_s": None, "delay_s": 0.3, **more}
    return Dice(Tampering(mode=mode, path=path, streams=True, **fields), Random(7))


def through(server: int, dice: Dice, terms: Terms | None = None, *files: str) -> dict[str, Any]:
    """What Node's client says of all its requests."""
    return asyncio.run(_through(server, dice, terms, *files))


async def _through(server: int, dice: Dice, terms: Terms | None, *files: str) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    passing: set[asyncio.Task[None]] = set()

    class Accepted(Wire):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            passing.add(asyncio.create_task(carry(self)))

    async def carry(client: Wire) -> None:
        _, upstream = await loop.create_connection(lambda: Wire(client.news), "127.0.0.1", server)
        await Passage(client, upstream, client.news, dice, terms).run()

    proxy = await loop.create_server(lambda: Accepted(asyncio.Event()), "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    argv = [*NODE, "client", str(port), *files]
    asking = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    out, _ = await asyncio.wait_for(asking.communicate(), WITHIN_S)
    proxy.close()
    await asyncio.wait_for(asyncio.gather(*passing), WITHIN_S)
    found: dict[str, Any] = json.loads(out)
    return found


def told(found: dict[str, Any], path: str) -> dict[str, Any]:
    one: dict[str, Any] = next(each for each in found["all"] if each["path"] == path)
    return {name: value for name, value in one.items() if name not in ("path", "ms")}


def assert_untouched(found: dict[str, Any], *but: str) -> None:
    """Everything that HTTP/2 has came as it was sent."""
    big = found["big"]
    assert len(found["all"]) == 50
    usual = {
        "/": {"status": 200, "reset": 0, "body": "small", "asked": "yes"},
        "/big": {"status": 200, "reset": 0, "body": big, "asked": "yes"},
        "/grpc": {"status": 200, "reset": 0, "body": "answer", "grpc": "0"},
        "/reset": {"error": "ERR_HTTP2_STREAM_ERROR", "reset": CALM, "body": ""},
        "/none": {"status": 204, "reset": 0, "body": ""},
        "/hints": {"early": 103, "status": 200, "reset": 0, "body": "hints"},
        "/goaway": {"status": 200, "reset": 0, "body": "last"},
    }
    assert {path: told(found, path) for path in usual if path not in but} == {
        path: seen for path, seen in usual.items() if path not in but
    }
    echoes = {each["body"] for each in found["all"] if each["path"] == "/echo"}
    assert "/echo" in but or echoes == {"hello", big}
    many = [each for each in found["all"] if each["path"].startswith("/many/")]
    assert "/many" in but or all((each["status"], each["body"]) == (200, "small") for each in many)


def test_what_is_not_meant_is_equal_by_streams(server: int) -> None:
    found = dice()
    assert_untouched(through(server, found))
    assert (found.requests, found.matched, found.faulted) == (50, 0, 0)


@pytest.mark.parametrize(
    ("mode", "path", "more", "seen"),
    [
        ("status", "/grpc", {}, {"status": 503, "reset": 0, "body": "503 Service Unavailable\n"}),
        ("status", "/grpc", {"grpc_status": 14}, {"status": 200, "only": "14", "reset": 0, "body": ""}),
        ("close", "/grpc", {}, {"error": "ERR_HTTP2_STREAM_ERROR", "reset": REFUSED, "body": ""}),
        ("truncate", "/hints", {}, {"early": 103, "status": 200, "reset": 0, "body": "hi"}),
    ],
)
def test_one_stream_of_many_is_tampered_with(
    server: int, mode: Mode, path: str, more: dict[str, Any], seen: dict[str, Any]
) -> None:
    thrown = dice(mode, path, **more)
    found = through(server, thrown)
    assert told(found, path) == seen
    assert_untouched(found, path)
    assert (thrown.matched, thrown.faulted) == (1, 1)


def test_a_stream_is_reset_in_its_answer(server: int) -> None:
    found = through(server, dice("abort", "/grpc"))
    seen = told(found, "/grpc")
    assert (seen["reset"], seen.get("grpc"), seen["error"]) == (INTERNAL, None, "ERR_HTTP2_STREAM_ERROR")
    assert_untouched(found, "/grpc")


def test_an_upload_that_is_answered_at_once_ends_there(server: int) -> None:
    thrown = dice("status", "/echo")
    found = through(server, thrown)
    assert [each["status"] for each in found["all"] if each["path"] == "/echo"] == [503, 503]
    assert_untouched(found, "/echo")
    assert thrown.faulted == 2


def test_a_stream_that_is_held_back_holds_no_other(server: int) -> None:
    found = through(server, dice("delay", "/big", delay_s=1.5))
    assert_untouched(found)
    late = [each["ms"] for each in found["all"] if each["path"] == "/big"]
    others = [each["ms"] for each in found["all"] if each["path"].startswith("/many/")]
    assert min(late) >= 1490
    assert median(others) < min(late)


def test_it_is_read_in_tls_too(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.make()
    identity = authority.issue(["localhost"])
    certificate, key = identity["certificate"], identity["key"]
    terms = Terms(certificate, key, streams=True)
    with serving(certificate, key) as server:
        found = through(server, dice("status", "/grpc", grpc_status=14), terms, identity["authority"])
    assert told(found, "/grpc") == {"status": 200, "only": "14", "reset": 0, "body": ""}
    assert_untouched(found, "/grpc")
