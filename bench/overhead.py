"""What a run costs beside its declared phases, and what watching costs beside the app.

    python bench/overhead.py [RUNS]

Wall clock of the whole command `chaoslab run --no-prefect experiments/hello.yaml`, from its start to its end, minus
the declared phases; the median of RUNS (5), and where it goes by the journal's own times. The peer is the app itself:
how long its processes take to be ready, which no tool can save.
Then the agent's CPU time, as it measures itself ten times a second in an order without load and almost without
probes: sampler and supervisor. The peer is an idle `top -d 0.1`, which looks at the same processes as often.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import ours
from chaos.events import Event
from chaos.runs.journal import Journal

ROOT = Path(__file__).resolve().parents[1]
WATCHED_S = 8.0
QUIET = {
    "apiVersion": "chaoslab/v1",
    "kind": "Experiment",
    "metadata": {"name": "quiet"},
    "spec": {
        "hypothesis": "Watching costs next to nothing.",
        "sandbox": {"type": "local", "memory": "128MiB", "disk": "16MiB"},
        "target": {
            "app": "app",
            "processes": [{"name": name, "command": ["sleep", "60"]} for name in ("web", "worker")],
        },
        "steadyState": [
            {
                "name": "up",
                "probe": {"type": "process", "process": "web", "every": "1s"},
                "tolerance": {"running": True},
            }
        ],
        "method": [{"name": "later", "fault": {"type": "disk_full", "path": "/tmp"}, "hold": "1s"}],
        "phases": {"baseline": f"{WATCHED_S:g}s", "recovery": "1s"},
    },
}


def carried_out(manifest: Path, out: str) -> tuple[float, float, Mapping[str, Any], list[Event]]:
    """When it began and ended (Unix seconds), its result and its journal."""
    began = time.time()
    done = subprocess.run(
        ours.command(manifest, Path(out)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    ended = time.time()
    if not done.stdout:
        sys.exit(done.stderr)
    result = json.loads(done.stdout)
    return began, ended, result, list(Journal(Path(out, result["run_id"], "journal.ndjson")).events())


def spent(began: float, ended: float, events: list[Event]) -> dict[str, float]:
    """Where the time beside the phases went, in seconds."""
    at = {event.type: event.at for event in reversed(events)}  # the first of each type
    phases = {event.data["phase"]: event.at for event in events if event.type == "phase.started"}
    over = {event.data["phase"]: event.at for event in events if event.type == "phase.ended"}
    fault = next(event for event in events if event.type == "fault.recovered")
    return {
        "load and plan": at["run.started"] - began,
        "sandbox": at["sandbox.opened"] - at["run.started"],
        "agent": at["agent.started"] - at["sandbox.opened"],
        "app ready": phases["baseline"] - at["agent.started"],
        "inject": at["fault.injected"] - phases["fault"],
        "recover": over["fault"] - fault.data["began_at"],
        "destroy": at["run.ended"] - at["agent.ended"],
        "judge and report": ended - at["run.ended"],
    }


def overhead(runs: int) -> None:
    """Print each run's, the median, and where it went."""
    beside, parts = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as out:
            began, ended, result, events = carried_out(ROOT / "experiments/hello.yaml", out)
        beside.append(ended - began - result["timings"]["declared_s"])
        parts.append(spent(began, ended, events))
        print(f"run: {ended - began:.3f} s, beside its phases {beside[-1]:.3f} s ({result['verdict']})")
    middle = {name: statistics.median(part[name] for part in parts) for name in parts[0]}
    for name, seconds in middle.items():
        print(f"  {name:17} {seconds:6.3f} s")
    median = statistics.median(beside)
    print(f"overhead, median of {runs}: {median:.3f} s")
    print(f"ratio: {median / middle['app ready']:.1f}x what the app itself takes to be ready")


def watching() -> None:
    """Print the agent's share of a core."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "app").mkdir()
        manifest = Path(folder, "quiet.yaml")
        manifest.write_text(json.dumps(QUIET))  # JSON is YAML
        top = subprocess.Popen(["top", "-b", "-d", "0.1"], stdout=subprocess.DEVNULL)
        began = time.monotonic()
        *_, events = carried_out(manifest, folder)
        top.terminate()
        _, _, usage = os.wait4(top.pid, 0)
        top.returncode = 0
        peer = 100 * (usage.ru_utime + usage.ru_stime) / (time.monotonic() - began)
    phase = next(event.at for event in events if event.type == "phase.started")
    samples = [event.data["agent_cpu_percent"] for event in events if event.type == "usage.sampled"]
    times = [event.at for event in events if event.type == "usage.sampled"]
    # The first second is the start's, and the method is the faults'.
    mine = [share for share, at in zip(samples, times, strict=True) if phase + 1 < at < phase + WATCHED_S]
    mean = statistics.fmean(mine)
    print(
        f"sampler and supervisor: {mean:.2f} % of a core ({len(mine)} samples, {len(mine) / (WATCHED_S - 1):.1f}/s)"
    )
    print(f"ratio: {mean / peer:.2f}x of `top -d 0.1` ({peer:.2f} %)")


if __name__ == "__main__":
    overhead(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    watching()
