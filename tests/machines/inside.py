"""Runs in a guest: every fault once, relaxed, and the hog; one JSON line for each into a file.

    python -m tests.machines.inside OUT SANDBOX [FAULT ...]

A guest is slow (docs/machines.md), so nothing here judges speed: low rates, long phases, one steady state of life.
The manifests are the repository's own, with one set of the fault's fields over theirs.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.fidelity_runs import VALUES, WHERE, manifest_of, read
from chaos import runner
from chaos.errors import ChaosLabError, ManifestError
from chaos.events import Event
from chaos.faults import FAULTS
from chaos.manifests.load import Loaded
from chaos.plan import plan
from chaos.run import Run

HERE = Path(__file__).parent
HOG = "hog"
RATE = 10
HOLD_S = 5.0
HOLDS_S = {"packet_loss": 20.0, "packet_corrupt": 12.0, "packet_duplicate": 12.0, "packet_reorder": 12.0}


def main(out: str, sandbox: str, *wanted: str) -> None:
    """Append a row for each fault asked for, else for all."""
    for name in wanted or (HOG, *FAULTS):
        began = time.monotonic()
        row = {"fault": name, "sandbox": sandbox, "uid": os.geteuid(), **carried_out(name, sandbox)}
        row["left"] = left()
        row["took_s"] = round(time.monotonic() - began, 1)
        with Path(out).open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{name}: {row}", flush=True)


def carried_out(name: str, sandbox: str) -> dict[str, Any]:
    """What one run says: verdict, mechanism, label, landed, residue; or why there was none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            drawn = plan(hog(sandbox) if name == HOG else relaxed(name, sandbox))
            run = Run.new(drawn.name, Path(folder))
            asyncio.run(runner.carry_out(drawn, run, lambda _event: None, asyncio.Event()))
            result = runner.analyze(run)
        except ChaosLabError as error:
            return {"refused": str(error).splitlines()[0]}
        events = list(run.journal.events())
    step = result.steps[0]
    return {
        "outcome": result.outcome,
        "verdict": result.verdict,
        "why": result.why,
        "mechanism": step.mechanism,
        "kind": step.kind,
        "landed": step.landed,
        "step_why": step.why,
        "residue": [line for event in of(events, "fault.recovered") for line in event.data["residue"]],
        "memory_kind": next((event.data["memory_kind"] for event in of(events, "agent.started")), None),
        "killed_by": sorted({str(event.data["by"]) for event in of(events, "memory.killed")}),
        "signals": sorted({str(event.data["signal"]) for event in of(events, "process.exited")}),
        "memory_peak_bytes": result.usage.memory_peak_bytes,
    }


def of(events: list[Event], kind: str) -> Iterator[Event]:
    return (event for event in events if event.type == kind)


def relaxed(fault: str, sandbox: str) -> Loaded:
    """The repository's manifest of that fault with phases and a rate for a slow machine. Raises ManifestError."""
    path = manifest_of(fault)
    if path is None:
        raise ManifestError(f"no manifest shows {fault} alone")
    presets = FAULTS[fault].presets
    fields = VALUES[fault][0] if fault in VALUES else presets.get("medium") or presets["low"]
    if sandbox == "container" and fault.startswith("io_"):
        fields = {**fields, "path": "/usr"} if fault == "io_throttle" else fields
    document = yaml.safe_load(path.read_text())
    step = document["spec"]["method"][0]
    own = dict(step["fault"])
    for keep in (lambda name: name != "intensity", WHERE.__contains__):
        step["fault"] = {name: value for name, value in own.items() if keep(name)} | dict(fields)
        with contextlib.suppress(ManifestError):
            return with_phases(document, path, sandbox)
    return with_phases(document, path, sandbox)


def with_phases(document: dict[str, Any], path: Path, sandbox: str) -> Loaded:
    """Long phases, low rate, and nothing that judges speed. Raises ManifestError."""
    spec, step = document["spec"], document["spec"]["method"][0]
    process = spec["target"]["processes"][-1]["name"]
    probe = {"type": "process", "process": process, "every": "200ms"}
    spec["steadyState"] = [
        {"name": "alive", "probe": probe, "tolerance": {"running": True}, "holds": "afterwards"}
    ]
    spec["phases"] = {"baseline": "3s", "recovery": "4s"}
    spec["blastRadius"] = {"maxHold": "2m"}
    for name in ("stopWhen", "trials", "control"):
        spec.pop(name, None)
    for each in spec["target"]["processes"]:
        each["readyWithin"] = "2m"
    if "load" in spec:
        spec["load"]["rate"] = f"{RATE}/s"
    spec["sandbox"] = {**sandbox_of(spec, sandbox), "ttl": "10m"}
    spec["method"] = method = [{"name": step["name"], "fault": step["fault"], "hold": "60s"}]
    needed = read(document, path).manifest.spec.method[0].fault.minimum_hold_s()
    method[0]["hold"] = f"{max(HOLDS_S.get(step['fault']['type'], HOLD_S), 2 * needed):g}s"
    return read(document, path)


def sandbox_of(spec: Mapping[str, Any], kind: str) -> dict[str, Any]:
    own = {key: value for key, value in spec.get("sandbox", {}).items() if key in ("memory", "disk")}
    return {"type": kind, **own}


def hog(sandbox: str) -> Loaded:
    """An app that takes 300 MiB in a sandbox of 128 MiB, under `memory_limit: 75%`."""
    return read(hog_document(sandbox), HERE / "hog.yaml")


def hog_document(sandbox: str) -> dict[str, Any]:
    """Its manifest, for a file beside `hog/`."""
    return {
        "apiVersion": "chaoslab/v1",
        "kind": "Experiment",
        "metadata": {"name": "hog"},
        "spec": {
            "hypothesis": "An app that takes 300 MiB lives in 128 MiB.",
            "sandbox": {"type": sandbox, "memory": "128MiB", "disk": "16MiB", "ttl": "10m"},
            "target": {
                "app": "hog",
                "processes": [
                    {"name": "hog", "command": ["python3", "hog.py"], "port": 8000, "readyWithin": "2m"},
                    {"name": "asks", "command": ["/bin/sh", "-c", f"sleep 9; {ASK}; sleep 600"]},
                ],
            },
            "steadyState": [
                {
                    "name": "alive",
                    "probe": {"type": "process", "process": "hog", "every": "200ms"},
                    "tolerance": {"running": True},
                }
            ],
            "method": [{"name": "less", "fault": {"type": "memory_limit", "limit": "75%"}, "hold": "30s"}],
            "phases": {"baseline": "3s", "recovery": "3s"},
        },
    }


ASK = "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8000/take\")'"


def left(within_s: float = 15.0) -> list[str]:
    """What sandboxes left: control groups, mounts, processes of keepers and boxes."""
    deadline = time.monotonic() + within_s
    while (found := [*groups(), *mounts(), *keepers()]) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def groups() -> Iterator[str]:
    for place, names, _ in os.walk("/sys/fs/cgroup"):
        yield from (f"{place}/{name}" for name in names if name.startswith("chaoslab-"))


def mounts() -> Iterator[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    yield from (line for line in lines if "chaoslab-" in line)


def keepers() -> Iterator[str]:
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"chaos.nsbox" in words or any(b"agent.pyz" in word for word in words):
                yield f"process {entry.name}: {b' '.join(words).decode(errors='replace')[:200]}"


if __name__ == "__main__":
    main(*sys.argv[1:])
