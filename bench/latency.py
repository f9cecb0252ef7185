"""Latency asked and delivered: `network_delay` of ours beside Toxiproxy's latency toxic, where its server is installed.

    python -m bench.latency [ROUNDS]

The same HTTP server and the same open-loop load (kept connections, 20 requests a second) for both; delivered is the
median latency with the fault less the median without, as the client sees it. Toxiproxy's server comes from its own
releases: Debian, PyPI and npm have only clients of it.
"""

import asyncio
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench import ours
from chaos.agent.load import OpenLoop
from chaos.agent.windows import Windows
from chaos.events import Clock
from chaos.run_spec.codec import decode
from chaos.run_spec.parts import LoadSpec

ASKED_MS = (100.0, 300.0)
RATE, QUIET_S, HOLD_S = 20, 2.0, 4.0
SETTLED_S = 0.5
"""After the fault is in place: requests that were under way are neither."""
SERVER = """
import http.server, sys
class Hello(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: two would wait for each other (Nagle), which is not the tools' doing
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hello).serve_forever()
"""


def delayed(folder: Path, asked_ms: float) -> float:
    """Milliseconds that ours added."""
    manifest = ours.document(
        "latency",
        sandbox={"type": "local", "memory": "128MiB", "disk": "16MiB", "ttl": "2m"},
        target={
            "app": "app",
            "processes": [{"name": "web", "command": ["python3", "-S", "server.py", "8000"], "port": 8000}],
        },
        load={"url": "http://127.0.0.1:8000/", "rate": f"{RATE}/s", "timeout": "5s"},
        steadyState=[
            {"name": "up", "probe": {"type": "process", "process": "web"}, "tolerance": {"running": True}}
        ],
        method=[
            {
                "name": "slow",
                "fault": {"type": "network_delay", "delay": f"{asked_ms:g}ms", "process": "web"},
                "hold": f"{HOLD_S:g}s",
            }
        ],
        phases={"baseline": f"{QUIET_S:g}s", "recovery": "1s"},
    )
    ran = ours.run(manifest, ours.app(folder, server=SERVER))
    begin, on = ran.at("phase.started", phase="baseline"), ran.at("fault.injected")
    quiet = ran.between("load.sampled", begin, ran.at("phase.started", phase="fault"))
    slow = ran.between("load.sampled", on + SETTLED_S, on + HOLD_S - asked_ms / 1000)
    return _median(event.data["took_ms"] for event in slow) - _median(
        event.data["took_ms"] for event in quiet
    )


def toxic(binary: str, folder: Path, asked_ms: float) -> float:
    """Milliseconds that Toxiproxy added."""
    api, upstream, port = (_free_port() for _ in range(3))
    (folder / "server.py").write_text(SERVER)
    with ExitStack() as running:
        running.enter_context(
            _program([sys.executable, "-S", str(folder / "server.py"), str(upstream)], upstream)
        )
        running.enter_context(_program([binary, "-host", "127.0.0.1", "-port", str(api)], api))
        proxy = {
            "name": "web",
            "listen": f"127.0.0.1:{port}",
            "upstream": f"127.0.0.1:{upstream}",
            "enabled": True,
        }
        _post(api, "/proxies", proxy)
        quiet = _load(port, QUIET_S)
        latency = {
            "type": "latency",
            "stream": "downstream",
            "attributes": {"latency": int(asked_ms), "jitter": 0},
        }
        _post(api, "/proxies/web/toxics", latency)
        return _median(_load(port, HOLD_S)) - _median(quiet)


def _load(port: int, for_s: float) -> list[float]:
    """What each request took, in milliseconds."""
    took: list[float] = []

    def keep(type_: str, at: float | None = None, /, **data: Any) -> None:
        if type_ == "load.sampled" and data["error"] is None:
            took.append(data["took_ms"])

    async def work() -> None:
        until = asyncio.Event()
        asyncio.get_running_loop().call_later(for_s, until.set)
        order = {"url": f"http://127.0.0.1:{port}/", "rate_per_s": RATE, "timeout_s": 5.0} | {
            "arrivals": "uniform",
            "connection_use": "reuse",  # as the others send
        }
        await OpenLoop(decode(LoadSpec, order, strict=False), keep, Windows(), Clock()).run(until)

    asyncio.run(work())
    return took


@contextmanager
def _program(command: Sequence[str], port: int) -> Iterator[None]:
    """Run it while its port is needed; begin when it listens."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise
                    time.sleep(0.01)
            yield
        finally:
            process.kill()


def _post(port: int, path: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=5).close()


def _free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        port: int = any_socket.getsockname()[1]
        return port


def _median(values: Iterator[float] | Sequence[float]) -> float:
    return statistics.median(values)


def main() -> None:
    """Print both errors at each delay, and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    binary = shutil.which("toxiproxy-server")
    if binary is None:
        print(
            "toxiproxy: not to be had here: no toxiproxy-server on PATH, and Debian, PyPI and npm have only clients"
            " of it. Put the server of its releases on PATH to compare"
        )
    for asked in ASKED_MS:
        with tempfile.TemporaryDirectory() as folder:
            mine = [delayed(Path(folder), asked) for _ in range(rounds)]
            theirs = [toxic(binary, Path(folder), asked) for _ in range(rounds)] if binary else []
        print(f"{asked:g} ms asked: ours delivered {_median(mine):.2f} ms, median of {rounds}", end="")
        print(f"; Toxiproxy {_median(theirs):.2f} ms" if theirs else "")
        off = _median([abs(each - asked) for each in mine])
        if theirs:
            other = _median([abs(each - asked) for each in theirs])
            print(ours.ratio(f"our error at {asked:g} ms, to Toxiproxy's,", off, other, unit="ms"))
        else:
            print(f"our error at {asked:g} ms is {off / asked:.2g} x what was asked ({off:.2f} ms)")
    print(ours.machine())


if __name__ == "__main__":
    main()
