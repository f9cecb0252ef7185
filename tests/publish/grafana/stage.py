"""What tests of delivery share: a finished run whose metrics are in a real Prometheus, and real MCP servers."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from chaos.analysis.result import Result
from chaos.events import Event
from chaos.publish import dashboards
from chaos.publish.grafana import Annotation, Dispatch, McpServer, Spawned
from chaos.runner.stages import analyze
from chaos.runs.directory import Run
from tests.doubles.grafana import Grafana
from tests.prometheus_fixture import Prometheus
from tests.publish.dashboards.known import EXPERIMENT
from tests.report.a_run import INJECTED, PLAN, RECOVERED

CALLER = "a caller's token"
READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Stage:
    """A run of the past and the Prometheus that has its metrics."""

    run: Run
    result: Result
    prometheus: Prometheus

    def dispatch(self, **other: Any) -> Dispatch:
        """Its dashboard as a run delivers it."""
        known: dict[str, Any] = {
            "dashboard": dashboards.render(EXPERIMENT, self.result, PLAN),
            "run_id": self.result.run_id,
            "experiment": self.result.experiment,
            "prometheus_url": self.prometheus.url,
            "start": datetime.fromisoformat(self.result.started_at).timestamp(),
            "end": datetime.fromisoformat(self.result.ended_at).timestamp(),
            "windows": [Annotation("slow network", "network_delay", INJECTED, RECOVERED)],
            "besides": dashboards.shared(),
        }
        return Dispatch(**known | other)


def kept(folder: Path, facts: Sequence[Event]) -> tuple[Run, Result]:
    """A run's folder with these facts in its journal, judged."""
    run = Run(str(facts[0].data["run_id"]), folder)
    folder.mkdir(parents=True, exist_ok=True)
    for fact in facts:
        run.journal.append(fact)
    return run, analyze(run)


def with_processes(facts: Iterable[Event]) -> Iterator[Event]:
    """The made-up run says nothing of its processes; a real one does."""
    for fact in facts:
        if fact.type == "phase.started" and fact.data["phase"] == "baseline":
            yield replace(fact, type="process.started", data={"process": "web", "pid": 7, "restarts": 0})
        used = {"processes": {"web": {"cpu_percent": 20.0, "rss_bytes": 90 * 2**20}}}
        yield replace(fact, data={**fact.data, **used}) if fact.type == "usage.sampled" else fact


def spawned(grafana: Grafana) -> Spawned:
    """The way over stdio."""
    return Spawned(grafana.url, grafana.token)


@contextlib.contextmanager
def running(grafana: Grafana) -> Iterator[tuple[McpServer, "subprocess.Popen[bytes]"]]:
    """The real binary as a server of streamable HTTP, ready; and its process."""
    options = ["--usage-stats", "disabled", "--log-level", "error"]
    environment = {"GRAFANA_URL": grafana.url, "GRAFANA_SERVICE_ACCOUNT_TOKEN": grafana.token}
    with started_binary(options, environment | {"MCP_GRAFANA_SERVER_TOKEN": CALLER}) as found:
        yield found


@contextlib.contextmanager
def started_binary(
    options: Sequence[str], environment: Mapping[str, str]
) -> Iterator[tuple[McpServer, "subprocess.Popen[bytes]"]]:
    """With these options and this environment, on a free port, ready."""
    import mcp_grafana

    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [mcp_grafana.get_binary_path(), "-t", "streamable-http", "--address", address, *options]
    if not any(option.startswith("--allowed-hosts") for option in options):
        command += ["--allowed-hosts", address]
    process = subprocess.Popen(command, env=dict(environment), stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://{address}/healthz", process)
        yield McpServer(f"http://{address}/mcp", CALLER), process
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    give_up_at = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < give_up_at:
        assert process.poll() is None
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, trust_env=False).status_code in (200, 403):  # another Host than it is told of
                return
        time.sleep(0.02)
    pytest.fail(f"{url} does not answer")


def kill_own_binary() -> None:
    """Kill the MCP server that this process spawned; there is one."""
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            if "mcp-grafana" in Path(f"/proc/{child}/cmdline").read_text():
                os.kill(int(child), signal.SIGKILL)
                return
    pytest.fail("no mcp-grafana among our children")


def panels(dashboard: Mapping[str, Any]) -> set[str]:
    """The titles of its panels."""
    return {panel["title"] for panel in dashboard["panels"]}
