"""A real Prometheus for tests: Debian's, our own process on a free loopback port, with a data directory of its own.

A test module gets it with `from tests.prometheus_fixture import prometheus`; one for a session is enough, because
every run has labels of its own. Whoever wants to kill one, or to give it other data, starts another with `started`.
A machine without Prometheus fails these tests, with the remedy.
"""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

READY_WITHIN_S = 60.0
_CONFIGURATION = """
global: {scrape_interval: 1h}
storage: {tsdb: {out_of_order_time_window: %s}}
"""


@dataclass
class Prometheus:
    """One server. Times are Unix seconds."""

    url: str
    process: "subprocess.Popen[bytes]"

    @property
    def write_url(self) -> str:
        """Where remote write goes."""
        return f"{self.url}/api/v1/write"

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """An instant query: `[{"metric": {…}, "value": [at, "1"]}]`, or `"values"` of a range selector."""
        return self._get("query", query=expression, **({} if at is None else {"time": at}))

    def range(self, expression: str, start: float, end: float, step_s: float) -> list[dict[str, Any]]:
        """A range query: `[{"metric": {…}, "values": [[at, "1"], …]}]`."""
        return self._get("query_range", query=expression, start=start, end=end, step=step_s)

    def stored(self, selector: str, at: float | None = None, window: str = "1h") -> list[dict[str, Any]]:
        """Every sample of the series, as they were stored, in the window before `at`."""
        return self.query(f"{selector}[{window}]", at)

    def _get(self, what: str, **fields: Any) -> list[dict[str, Any]]:
        answer = httpx.post(f"{self.url}/api/v1/{what}", data=fields, timeout=30, trust_env=False).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


@contextlib.contextmanager
def started(folder: Path, out_of_order: str = "0s", port: int | None = None) -> Iterator[Prometheus]:
    """A server with its data below `folder`, ready; killed at the end."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.fail(
            "no Prometheus on this machine; install it with: apt-get update && apt-get install -y prometheus"
        )
    configuration = folder / "prometheus.yml"
    configuration.write_text(_CONFIGURATION % out_of_order)
    port = port or free_port()
    command = [
        program,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--web.enable-admin-api",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        yield _ready(Prometheus(f"http://127.0.0.1:{port}", process), folder)
    finally:
        process.kill()
        process.wait()


def _ready(server: Prometheus, folder: Path) -> Prometheus:
    give_up_at = time.monotonic() + READY_WITHIN_S
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/-/ready", trust_env=False).status_code == 200:
                return server
        said = (folder / "prometheus.log").read_text()
        assert server.process.poll() is None, said
        assert time.monotonic() < give_up_at, said
        time.sleep(0.02)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Debian's Prometheus as it comes: samples out of order are refused."""
    with started(tmp_path_factory.mktemp("prometheus")) as server:
        yield server
