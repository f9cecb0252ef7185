"""How long after `chaoslab halt` everything has ended, and after a flow run is cancelled it has; what they leave.

    python -m bench.halting [RUNS] [CANCELLED]

RUNS (8) experiments of different faults, all held, are halted twice: as processes of `chaoslab run --no-prefect`, then
as flow runs of one `chaoslab serve`, each in a process of its own; both by the command itself. Then CANCELLED (3) flow
runs are cancelled one by one, as a click in the Prefect UI does it. Server, state and sandboxes are of this program's
own. Times are from the start of the command, or from the request, by the journals and by Prefect; left behind is what
`chaoslab gc` would look for, and what `fault.recovered` says of residue. There is no peer.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench import ours
from chaos.events import Event
from chaos.runs.journal import Journal
from flows.server.local import local_keys
from tests.lab import SERVER

CHAOSLAB = (sys.executable, "-m", "flows.main")
ROOT = Path(__file__).resolve().parents[1]
FAULTS: Sequence[Mapping[str, Any]] = (
    {"type": "network_delay", "delay": "100ms", "process": "web"},
    {"type": "memory_pressure", "fill": "70%", "over": "1s"},
    {"type": "disk_full", "path": "/tmp", "leave": "1MiB"},
    {"type": "process_kill", "process": "web"},
    {"type": "packet_loss", "loss": "10%", "process": "web"},
    {"type": "http_fault", "mode": "delay", "port": 8000, "delay": "50ms"},
    {"type": "inode_exhaustion", "path": "/tmp"},
    {"type": "dns_failure", "mode": "nxdomain", "host": "db.internal"},
)
READY_WITHIN_S = 180.0


def main() -> None:
    """Print the figures."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else len(FAULTS)
    cancelled = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as folder:
        lab = Path(folder)
        os.environ |= {"CHAOSLAB_STATE_DIR": str(lab / "state"), "CHAOSLAB_RUNTIME_DIR": str(lab / "boxes")}
        manifests = [write(lab, index) for index in range(runs)]
        print(
            f"{runs} x chaoslab run --no-prefect: {halted(lab / 'alone', lambda out: alone(manifests, out))}"
        )
        with served(lab, runs) as api:
            deployment = deploy(api)
            print(
                f"{runs} x Prefect: {halted(lab / 'served', lambda out: through(api, deployment, manifests, out))}"
            )
            for index in range(cancelled):
                out = lab / f"cancelled-{index}"
                print(f"cancelled: {cancel(api, deployment, manifests[index % runs], out)}")


def write(lab: Path, index: int) -> Path:
    """One manifest beside the one app."""
    fault = FAULTS[index % len(FAULTS)]
    path = ours.app(lab, web=SERVER).with_name(f"run-{index}.yaml")
    manifest = ours.document(
        f"run-{index}",
        sandbox={"type": "local", "memory": "128MiB", "disk": "16MiB", "ttl": "5m"},
        target={
            "app": "app",
            "processes": [
                {"name": "web", "command": ["python3", "-S", "web.py"], "port": 8000, "restart": "always"}
            ],
        },
        steadyState=[
            {
                "name": "up",
                "probe": {"type": "tcp", "port": 8000},
                "tolerance": {"connected": True},
                "holds": "afterwards",
            }
        ],
        method=[{"name": "hold on", "fault": dict(fault), "hold": "3m"}],
        phases={"baseline": "1s", "recovery": "1s"},
    )
    path.write_text(yaml.safe_dump(manifest, sort_keys=False))
    return path


def halted(out: Path, begin: Callable[[Path], Callable[[], str]]) -> str:
    """Begin all, halt them when every fault is in place, let them begin again; the figures."""
    out.mkdir()
    ended = begin(out)
    began = time.time()
    command = subprocess.run(
        [*CHAOSLAB, "halt", "--reason", "bench"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    said = f"{ended()}; the command: exit code {command.returncode}, {command.stdout.splitlines()[-1]}"
    subprocess.run([*CHAOSLAB, "resume"], capture_output=True, cwd=ROOT, check=True)
    return f"{figures(out, began)}; {said}"


def alone(manifests: Sequence[Path], out: Path) -> Callable[[], str]:
    """One process each, all under way."""
    command = [*CHAOSLAB, "run", "--no-prefect", "--out", str(out)]
    started = [
        subprocess.Popen([*command, str(path)], cwd=ROOT, stdout=subprocess.DEVNULL) for path in manifests
    ]
    until_injected(out, len(manifests))

    def ended() -> str:
        return f"exit codes {sorted({process.wait() for process in started})}"

    return ended


def through(api: httpx.Client, deployment: str, manifests: Sequence[Path], out: Path) -> Callable[[], str]:
    """One flow run each, all under way."""
    ids = [flow_run(api, deployment, path, out) for path in manifests]
    until_injected(out, len(manifests))

    def ended() -> str:
        states = {until_final(api, each)["name"] for each in ids}
        return f"flow runs {', '.join(sorted(states))}"

    return ended


def cancel(api: httpx.Client, deployment: str, manifest: Path, out: Path) -> str:
    """Cancel one flow run when its fault is in place; the figures."""
    out.mkdir()
    run = flow_run(api, deployment, manifest, out)
    until_injected(out, 1)
    began = time.time()
    post(api, f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    state = until_final(api, run)
    return f"{figures(out, began)}; flow run {state['name']} after {time.time() - began:.1f} s"


def until_injected(out: Path, count: int) -> None:
    """Wait until so many journals have their fault."""
    deadline = time.monotonic() + READY_WITHIN_S
    while sum(any(event.type == "fault.injected" for event in events) for events in journals(out)) < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"not every fault was in place within {READY_WITHIN_S:g} s: {out}")
        time.sleep(0.2)


def journals(out: Path) -> list[list[Event]]:
    """What each run has written so far."""
    return [list(Journal(path).events()) for path in out.glob("*/journal.ndjson")]


def figures(out: Path, began: float) -> str:
    """The last of all to undo its fault and to end, and what is left."""
    told = journals(out)
    undone = [event for events in told for event in events if event.type == "fault.recovered"]
    ends = [event for events in told for event in events if event.type == "run.ended"]
    residue = sum(len(event.data["residue"]) for event in undone)
    boxes = list(Path(os.environ["CHAOSLAB_RUNTIME_DIR"]).glob("box-*"))
    results = list(out.glob("*/result.json"))
    last_undone, last_ended = (
        max(event.at for event in undone) - began,
        max(event.at for event in ends) - began,
    )
    return (
        f"{len(undone)} faults undone after {last_undone:.1f} s, {len(ends)} runs ended after {last_ended:.1f} s,"
        f" {len(results)} results, residue {residue}, sandboxes left {len(boxes)}"
    )


@contextmanager
def served(lab: Path, limit: int) -> Iterator[httpx.Client]:
    """A Prefect server and one worker for so many runs."""
    up = subprocess.run([*CHAOSLAB, "up"], capture_output=True, text=True, cwd=ROOT, check=True)
    url = up.stdout.split()[-1] + "/api"
    os.environ["PREFECT_API_URL"] = url
    with (lab / "serve.log").open("w") as log:
        worker = subprocess.Popen(
            [*CHAOSLAB, "serve", "--limit", str(limit)], cwd=ROOT, stdout=log, stderr=log
        )
        try:
            keys = local_keys()
            assert keys is not None
            with httpx.Client(base_url=url, timeout=30, headers={"Authorization": keys.basic()}) as api:
                yield api
        finally:
            worker.terminate()
            worker.wait()
            del os.environ["PREFECT_API_URL"]
            subprocess.run([*CHAOSLAB, "down"], cwd=ROOT, check=True)


def deploy(api: httpx.Client) -> str:
    """A deployment of the experiment flow, once the worker's pool is there."""
    deadline = time.monotonic() + READY_WITHIN_S
    while api.get("/work_pools/chaoslab").status_code != httpx.codes.OK:
        if time.monotonic() > deadline:
            raise SystemExit("the worker did not begin")
        time.sleep(0.2)
    flow = post(api, "/flows/", {"name": "experiment"})["id"]
    body = {
        "name": "bench",
        "flow_id": flow,
        "entrypoint": "flows.experiment.experiment",
        "work_pool_name": "chaoslab",
    }
    return str(post(api, "/deployments/", body)["id"])


def flow_run(api: httpx.Client, deployment: str, manifest: Path, out: Path) -> str:
    """Ask for one now."""
    body = {"parameters": {"manifest": str(manifest), "out": str(out)}, "state": {"type": "SCHEDULED"}}
    return str(post(api, f"/deployments/{deployment}/create_flow_run", body)["id"])


def post(api: httpx.Client, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """As Prefect's own client does it: a server with SQLite refuses (503) what comes while it writes."""
    while (answer := api.post(path, json=body)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        time.sleep(0.5)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def until_final(api: httpx.Client, run: str) -> Mapping[str, Any]:
    """Its final state."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        state: dict[str, Any] = api.get(f"/flow_runs/{run}").raise_for_status().json()["state"]
        if state["type"] in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED"):
            return state
        time.sleep(0.1)
    raise SystemExit(f"flow run {run} did not end")


if __name__ == "__main__":
    main()
