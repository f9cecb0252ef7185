"""Bodies of the http fault's tests: each runs alone in a network of its own, with a real server and real clients."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.http.authority import Authority, Tls
from chaos.faults.http_fault import HttpFault
from chaos.faults.support.base import Injection
from chaos.faults.support.fidelity import percentile
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.network.delays import observed
from tests.faults.target import LocalTarget

PORT = 8000
BODY = b"0123456789" * 100
BIG = os.urandom(3 << 20)
SLOW = os.urandom(20_000)
LEFT = threading.Event()
"""The client of /silent has gone."""


class Site(BaseHTTPRequestHandler):
    """Answers in all the ways that HTTP/1.1 has."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path == "/chunked":
            self._chunked()
        elif self.path == "/endless":
            self._start(200, {"Connection": "close"})
            self.wfile.write(BODY)
            self.close_connection = True
        elif self.path == "/nothing":
            self._start(204, {})
        elif self.path == "/upgrade":
            self._upgrade()
        elif self.path == "/slow":
            self._slow({"Content-Length": str(len(SLOW))})
        elif self.path == "/events":
            self._slow({"Content-Type": "text/event-stream", "Connection": "close"})
            self.close_connection = True
        elif self.path == "/silent":
            self._start(200, {"Content-Type": "text/event-stream"})
            self.wfile.flush()
            self.rfile.read(1)
            LEFT.set()
            self.close_connection = True
        else:
            body = BIG if self.path == "/big" else BODY
            self._start(200, {"Content-Length": str(len(body))})
            self.wfile.write(body)

    def _slow(self, fields: dict[str, str]) -> None:
        """About four seconds."""
        self._start(200, fields)
        for at in range(0, len(SLOW), 1000):
            self.wfile.write(SLOW[at : at + 1000])
            self.wfile.flush()
            time.sleep(0.2)

    def do_HEAD(self) -> None:
        self._start(200, {"Content-Length": str(len(BODY))})

    def do_POST(self) -> None:
        """Sends the body back."""
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self._start(200, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _start(self, status: int, fields: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**fields, "X-Client": str(self.client_address[1])}.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunked(self) -> None:
        self._start(200, {"Transfer-Encoding": "chunked", "Trailer": "X-End"})
        for piece in (BODY, b"x", BODY * 30):
            self.wfile.write(f"{len(piece):x};note=1\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\nX-End: yes\r\n\r\n")

    def _upgrade(self) -> None:
        self.send_response(101)
        self.send_header("Connection", "upgrade")
        self.end_headers()
        self.wfile.flush()
        while line := self.rfile.readline():
            self.wfile.write(line.upper())
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    address_family = socket.AF_INET6

    def handle_error(self, *_: object) -> None:
        """Clients hang up here."""


@contextmanager
def site(port: int = PORT, *, tls: bool = False) -> Iterator[LocalTarget]:
    """A server on every address of both families, and a target; in TLS, with a certificate that nobody knows."""
    with Server(("::", port), Site) as server, LocalTarget() as target:
        if tls:
            other = target.work / "another"
            other.mkdir()
            Authority(other).make()
            files = Authority(other).issue([])
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(files["certificate"], files["key"])
            server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield target
        finally:
            server.shutdown()
            serving.join()


def get(path: str = "/", method: str = "GET", host: str = "127.0.0.1", port: int = PORT) -> str:
    """What one request on a new connection comes to: its status, or the name of what went wrong."""
    with closing(http.client.HTTPConnection(host, port, timeout=10)) as connection:
        return ask(connection, path, method)[0]


def ask(connection: http.client.HTTPConnection, path: str = "/", method: str = "GET") -> tuple[str, Any]:
    """The same on a connection that may be kept; and the response's head."""
    try:
        connection.request(method, path, body=b"hello" if method == "POST" else None)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return type(error).__name__, None
    return str(response.status), response.headers


def client_of(connection: http.client.HTTPConnection) -> tuple[int, int]:
    """The client's port as the server sees it, and as it is."""
    _, headers = ask(connection)
    assert connection.sock is not None
    return int(headers["X-Client"]), connection.sock.getsockname()[1]


def direct() -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)) as connection:
        return len(set(client_of(connection))) == 1


def judge(fault: HttpFault, target: LocalTarget, injection: Injection, *, seconds: float = 1.5) -> None:
    """It says that it has landed."""
    delivered = fault.delivered(observed(target, injection, seconds))
    print(injection.mechanism, dict(injection.notes), delivered)
    assert delivered.landed, delivered.why
    assert delivered.values.keys() == injection.asked.keys()


SEEN_AS = {
    "status": "503",
    "abort": "ConnectionResetError",
    "truncate": "IncompleteRead",
    "close": "RemoteDisconnected",
}


def each(mode: str) -> None:
    """Every request of the app comes to what was asked, on new and on kept connections, by IPv4 and IPv6."""
    fault = HttpFault(port=PORT, mode=mode)  # type: ignore[arg-type]
    with site() as target:
        with fault.inject(target) as injection:
            assert [get(), get(host="::1"), get("/chunked"), get("/big")] == [SEEN_AS[mode]] * 4
            with closing(http.client.HTTPConnection("127.0.0.1", PORT)) as kept:
                assert [ask(kept)[0] for _ in range(3)] == [SEEN_AS[mode]] * 3
            assert get("/", "POST") == SEEN_AS[mode]
            judge(fault, target, injection)
        assert direct()
        assert get() == "200"


def half_of_it() -> None:
    """What comes before the cut is the head and half of the body, byte for byte; a HEAD and a 204 have no half."""
    with site() as target:
        for mode, ending in (("truncate", None), ("abort", ConnectionResetError)):
            with HttpFault(port=PORT, mode=mode).inject(target):  # type: ignore[arg-type]
                got, ended_by = everything(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                head, _, body = got.partition(b"\r\n\r\n")
                assert b"Content-Length: 1000" in head
                assert body == BODY[:500], len(body)
                assert ended_by is ending
                if mode == "truncate":
                    assert [get("/", "HEAD"), get("/nothing")] == ["200", "204"]
                else:
                    assert get("/nothing") == "ConnectionResetError"


def everything(request: bytes, half_close: bool = False) -> tuple[bytes, type[BaseException] | None]:
    """All that comes back up to the end, and what the end was."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while data := connection.recv(65536):
                got += data
        except ConnectionResetError as error:
            return got, type(error)
    return got, None


def share(asked: str) -> None:
    """The share of the app's requests is the one asked, within what chance allows, and ours says so, too."""
    fault = HttpFault(port=PORT, share=float(asked), status=429, retry_after=3.0)
    with site() as target, fault.inject(target) as injection:
        with closing(http.client.HTTPConnection("127.0.0.1", PORT)) as kept:
            answers = [ask(kept) for _ in range(600)]
        seen = Counter(status for status, _ in answers)
        assert {headers["Retry-After"] for status, headers in answers if status == "429"} == {"3"}
        judge(fault, target, injection, seconds=max(1.5, fault.minimum_hold_s()))
    print(dict(seen))
    assert set(seen) == {"200", "429"}
    assert abs(seen["429"] / 600 - fault.share) < 3.9 * (fault.share * (1 - fault.share) / 600) ** 0.5


def by_path_and_method() -> None:
    """Others pass; the path is a prefix without its query, the method is the exact one."""
    fault = HttpFault(port=PORT, prefix="/api", method="POST", status=500)
    with site() as target, fault.inject(target) as injection:
        assert [get("/api", "POST"), get("/api/x?y=/", "POST"), get("/apis", "POST")] == ["500"] * 3
        assert [get("/api"), get("/", "POST"), get("/?/api", "POST"), get("/v1/api", "POST")] == ["200"] * 4
        delivered = fault.delivered(observed(target, injection, 1.0))
        assert delivered.landed, delivered.why
        assert "3 of 3 matching requests" in delivered.why


def delay(asked_ms: str) -> None:
    """Each request takes so much longer than one that is not meant at that moment, whatever else the machine does."""
    asked = float(asked_ms)
    fault = HttpFault(port=PORT, mode="delay", delay=asked / 1e3, prefix="/api")
    with site() as target:
        with fault.inject(target) as injection:
            with closing(http.client.HTTPConnection("127.0.0.1", PORT)) as kept:
                longer = []
                for _ in range(8):
                    usual = timed(lambda: ask(kept))
                    longer.append(timed(lambda: ask(kept, "/api")) - usual)
            judge(fault, target, injection, seconds=1.0 + asked / 1e3)
            waiting = threading.Thread(target=get, args=("/api",))
            waiting.start()
            time.sleep(0.05)  # it is on its way then, or comes later and unhindered
            left = time.monotonic()
        waiting.join()
        assert time.monotonic() - left < 1.0 or asked < 1000
    median = percentile(longer, 0.5)
    print(f"asked {asked:g} ms, app {median:.2f} ms")
    assert abs(median - asked) < max(10.0, 0.05 * asked)


def timed(action: Any) -> float:
    began = time.monotonic()
    action()
    return (time.monotonic() - began) * 1e3


def untouched() -> None:
    """What does not match passes byte for byte, whatever way HTTP has to say it, and what is not HTTP does, too."""
    requests = {
        "counted": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "big": b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "chunked": b"GET /chunked HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "endless": b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n",
        "nothing": b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "head": b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "old": b"GET / HTTP/1.0\r\n\r\n",
        "post": b"POST / HTTP/1.1\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(BIG) + BIG,
        "chunked post": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
        "waits": b"POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nhello",
        "pipelined": b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /chunked HTTP/1.1\r\nHost: x\r\n\r\n"
        b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n",
        "nonsense": b"\x16\x03\x01\x00\xff nonsense\r\n\r\n",
        "no HTTP": b"PING\r\n",
    }
    with site() as target:
        before = {name: seen(request) for name, request in requests.items()}
        with HttpFault(port=PORT, prefix="/none", mode="abort").inject(target):
            for name, request in requests.items():
                assert seen(request) == before[name], name
            assert not direct()
            upgraded()
        upgraded()
    print({name: len(answer) for name, answer in before.items()})


def seen(request: bytes) -> bytes:
    """The answer without what differs each time."""
    got, _ = everything(request, half_close=request.startswith((b"PING", b"\x16")))
    lines = [line for line in got.split(b"\r\n") if not line.startswith((b"Date:", b"X-Client:"))]
    return b"\r\n".join(lines)


def upgraded(lasts_s: float = 0.0) -> None:
    """Another protocol after a 101."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as connection:
        connection.sendall(b"GET /upgrade HTTP/1.1\r\nUpgrade: shouting\r\n\r\n")
        stream = connection.makefile("rb")
        while stream.readline() != b"\r\n":
            pass
        for _ in range(3):
            time.sleep(lasts_s / 3)
            connection.sendall(b"quiet\n")
            assert stream.readline() == b"QUIET\n"


def server_first() -> None:
    """A server that greets before it is asked (as mail and many databases do) is passed through."""
    with (
        socket.create_server(("127.0.0.1", 9000)) as listener,
        LocalTarget() as target,
        HttpFault(port=9000).inject(target),
        socket.create_connection(("127.0.0.1", 9000), timeout=5) as client,
    ):
        served = listener.accept()[0]
        served.sendall(b"220 hello\r\n")
        assert client.recv(64) == b"220 hello\r\n"
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert served.recv(64) == b"GET / HTTP/1.1\r\n\r\n"
        served.close()
        assert client.recv(64) == b""


ON_OPEN = {**SEEN_AS, "truncate": "RemoteDisconnected"}
"""What a request comes to on a connection that was open before the fault: it is ended before any answer."""


def kept_connections(mode: str) -> None:
    """One open before stays, and only what is meant is met on it; one of the fault's own time outlives it."""
    with site() as target, kept() as before, kept() as other, kept() as during:
        assert [len(set(client_of(one))) for one in (before, other)] == [1, 1]
        ports = [one.sock.getsockname()[1] for one in (before, other)]
        with HttpFault(port=PORT, prefix="/api", mode=mode).inject(target) as injection:  # type: ignore[arg-type]
            assert injection.notes["open_connections"] == 2
            assert [ask(before)[0], ask(other, "/big")[0], ask(other, "/", "POST")[0]] == ["200"] * 3
            assert ask(before, "/api/x")[0] == ON_OPEN[mode]
            assert len(set(client_of(during))) == 2
        assert ask(during)[0] == "200"
        assert len(set(client_of(during))) == 2  # still carried, and untouched
        assert [ask(one, "/api")[0] for one in (other, during)] == ["200", "200"]
        assert other.sock.getsockname()[1] == ports[1]


def kept() -> Any:
    return closing(http.client.HTTPConnection("127.0.0.1", PORT, timeout=10))


def again() -> None:
    """A connection that an earlier fault still carries is met by the next one, and by the one after that."""
    fault = HttpFault(port=PORT, prefix="/api")
    with site() as target, kept() as carried:
        with fault.inject(target):
            assert ask(carried)[0] == "200"
        for _ in range(2):
            with fault.inject(target) as injection:
                assert injection.notes["open_connections"] == 1
                assert [ask(carried)[0], ask(carried, "/api")[0]] == ["200", "503"]
                assert ask(carried)[0] == "200"
            assert ask(carried, "/api")[0] == "200"


def delayed_on_an_open_connection() -> None:
    """A request that is meant takes so much longer on a connection that was open before, and no other does."""
    with site() as target, kept() as before, kept() as other:
        assert [ask(one)[0] for one in (before, other)] == ["200", "200"]
        with HttpFault(port=PORT, prefix="/api", mode="delay", delay=0.6).inject(target) as injection:
            took = [timed(lambda: ask(before, "/api")) for _ in range(3)]
            between = [timed(lambda: ask(other)) for _ in range(5)]
            sample = observed(target, injection, 0.3)[-1]
            waiting = threading.Thread(target=lambda: took.append(timed(lambda: ask(before, "/api"))))
            waiting.start()
            time.sleep(0.05)
        waiting.join()
        assert ask(before, "/api")[0] == "200"
    print(took, between)
    assert all(abs(one - 600) < 60 for one in took[:3])
    assert took[3] < 580
    assert percentile(between, 0.5) < 60
    assert (sample["matched"], sample["faulted_requests"]) == (3, 3)


def across(moment: str) -> None:
    """Slow downloads, streams, uploads and other protocols pass the begin and the end of a fault on other paths."""
    lasting = {
        "download": b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "events": b"GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "half-closed": b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "pipelined": b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
        b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n",
    }
    got: dict[str, Any] = {}

    def download(name: str) -> None:
        got[name] = everything(lasting[name], half_close=name == "half-closed")

    def upload() -> None:
        with socket.create_connection(("127.0.0.1", PORT), timeout=20) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 200000\r\nConnection: close\r\n\r\n")
            for _ in range(20):
                connection.sendall(BODY * 10)
                time.sleep(0.2)
            got["upload"] = len(b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[2])

    def shout() -> None:
        for _ in range(3):
            upgraded(lasts_s=1.2)
        got["upgraded"] = True

    threads = [threading.Thread(target=download, args=(name,)) for name in lasting]
    threads += [threading.Thread(target=upload), threading.Thread(target=shout)]
    with site() as target:
        fault = HttpFault(port=PORT, prefix="/api", mode="delay", delay=0.05)
        if moment == "begin":
            _start(threads)
        with fault.inject(target):
            if moment == "end":
                _start(threads)
            time.sleep(1.0)
        for thread in threads:
            thread.join()
    print({name: value if not isinstance(value, tuple) else len(value[0]) for name, value in got.items()})
    assert got.keys() == {*lasting, "upload", "upgraded"}
    assert got["upload"] == 200_000
    for name in lasting:
        body, ended_by = got[name]
        assert ended_by is None, name
        assert body.count(SLOW) == {"pipelined": 2}.get(name, 1), name


def _start(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    time.sleep(0.3)


def leaver() -> None:
    """A server that sends nothing learns that its client has gone, as it would without a proxy between."""
    with site() as target, HttpFault(port=PORT, prefix="/api").inject(target):
        with socket.create_connection(("127.0.0.1", PORT)) as connection:
            connection.sendall(b"GET /silent HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(4096)
        assert LEFT.wait(5)


def recognised() -> None:
    """TLS and HTTP/2 are known by how they begin, pass untouched, and are said; then nothing has landed."""
    hello = bytes.fromhex("160301000a010000060303")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    fault = HttpFault(port=9000)
    with (
        socket.create_server(("127.0.0.1", 9000)) as listener,
        LocalTarget() as target,
        fault.inject(target) as injection,
    ):
        for first in (hello, hello, preface):
            with socket.create_connection(("127.0.0.1", 9000), timeout=5) as client:
                client.sendall(first)
                served = listener.accept()[0]
                assert served.recv(64) == first
                served.close()
        delivered = fault.delivered(observed(target, injection, 1.0))
    assert not delivered.landed
    assert "passed untouched: 2 TLS (they began with a ClientHello; " in delivered.why
    assert ", 1 HTTP/2 (they began with its preface; " in delivered.why


def secured(mode: str) -> None:
    """TLS is read with a certificate of the sandbox's authority: what is meant is met, all else passes inside."""
    fault = HttpFault(port=PORT, prefix="/api", mode=mode, tls=Tls(names=("api.internal",)))  # type: ignore[arg-type]
    with site(tls=True) as target:
        env = fault.environment("web", target.work, dict(os.environ))
        trusting = ssl.create_default_context(cafile=env["SSL_CERT_FILE"])
        assert trusting.cert_store_stats()["x509_ca"] > 1  # and all that was trusted before
        blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        assert secured_once(blind) == "200"
        with closing(secure(blind)) as before:
            assert ask(before)[0] == "200"
            with fault.inject(target) as injection:
                assert ask(before, "/api")[0] == "200"  # open before, and not to be read
                with closing(secure(trusting)) as kept:
                    assert ask(kept, "/big")[0] == "200"
                    assert ask(kept, "/", "POST")[0] == "200"
                    # Python's ssl takes a reset for an end
                    assert ask(kept, "/api")[0] in (SEEN_AS[mode], mode == "abort" and "IncompleteRead")
                assert secured_once(trusting, "/chunked", "::1") == "200"
                assert secured_once(ssl.create_default_context()) == "SSLCertVerificationError"
                assert (
                    curl("--http2", "--cacert", env["CURL_CA_BUNDLE"], "-o", "/dev/null", "/slow")
                    == "200 1.1"
                )
                named = ("--resolve", f"api.internal:{PORT}:127.0.0.1", "--cacert", env["CURL_CA_BUNDLE"])
                assert curl(*named, "-o", "/dev/null", "/", host="api.internal") == "200 1.1"
                delivered = fault.delivered(observed(target, injection, 1.0))
        assert target.samples[-1] == {"carried_on": 0}  # those that have ended are none
        assert secured_once(blind, "/api") == "200"
    print(delivered)
    assert delivered.landed, delivered.why
    assert "1 did not trust the sandbox's authority" in delivered.why
    assert "TLS was read on 4 connections" in delivered.why
    assert "1 open before, and TLS or HTTP/2" in delivered.why


def secure(context: ssl.SSLContext, host: str = "127.0.0.1") -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection(host, PORT, context=context, timeout=10)


def secured_once(context: ssl.SSLContext, path: str = "/", host: str = "127.0.0.1") -> str:
    with closing(secure(context, host)) as connection:
        return ask(connection, path)[0]


def curl(*argv: str, host: str = "127.0.0.1") -> str:
    """Status and version of HTTP."""
    *options, path = argv
    told = ["curl", "-s", "-w", "%{http_code} %{http_version}", *options, f"https://{host}:{PORT}{path}"]
    return subprocess.run(told, capture_output=True, text=True, check=False).stdout


def by_host() -> None:
    """A host at that port only; the same port elsewhere is untouched."""
    with site() as target, HttpFault(host="127.0.0.5", port=PORT).inject(target):
        assert [get(host="127.0.0.5"), get(), get(host="::1")] == ["503", "200", "200"]


def dead_server() -> None:
    """Nobody listens: a client is reset, and the fault does not pretend to have met anybody."""
    fault = HttpFault(port=9000)
    with LocalTarget() as target, fault.inject(target) as injection:
        assert get(port=9000) in ("ConnectionResetError", "RemoteDisconnected", "ConnectionRefusedError")
        delivered = fault.delivered(observed(target, injection, 1.0))
        assert not delivered.landed
        assert "0 of 0 matching requests" in delivered.why


def killed_proxy() -> None:
    """When the process that owns the rules is killed the kernel removes them."""
    with site() as target, HttpFault(port=PORT).inject(target):
        assert get() == "503"
        owner = target.helpers[-1]
        owner.kill()
        owner.wait()
        assert get() == "200"


def killed_agent() -> None:
    """When the agent is killed with SIGKILL requests reach their server again by themselves, and none hangs."""
    for _ in range(3):
        with site(), injected_elsewhere({"type": "http_fault", "port": PORT}, os.getpid()) as agent:
            assert get() == "503"
            agent.kill()
            took = seconds_until(lambda: get() == "200" and direct())
        print(json.dumps({"gone_s": round(took, 3)}))
        assert took < WITHIN_S


def unknown_process() -> None:
    """It says that there is no such process."""
    with LocalTarget() as target:
        try:
            with HttpFault(process="nobody").inject(target):
                why = "it was injected"
        except InjectionError as error:
            why = str(error)
    assert "no process is named 'nobody'" in why, why


def overhead() -> None:
    """What passing through costs a request that is not meant, and how many a second can pass."""
    with site() as target, closing(http.client.HTTPConnection("127.0.0.1", PORT)) as kept:
        before = [timed(lambda: ask(kept)) for _ in range(300)]
        began = time.monotonic()
        with HttpFault(port=PORT, prefix="/none").inject(target):
            entered = time.monotonic() - began
            kept.close()
            during = [timed(lambda: ask(kept)) for _ in range(300)]
            left = time.monotonic()
        print(f"enter {entered * 1e3:.0f} ms, exit {(time.monotonic() - left) * 1e3:.0f} ms")
    direct_ms, through_ms = percentile(before, 0.5), percentile(during, 0.5)
    print(
        f"direct {direct_ms:.3f} ms, through the proxy {through_ms:.3f} ms, one client {1e3 / through_ms:.0f}/s"
    )
    assert through_ms - direct_ms < 10.0  # a busy machine; a quiet one shows less than 1
