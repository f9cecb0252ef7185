"""Runs in a guest: every fault once, relaxed, and the hog; one JSON line for each into a file.

    python -m tests.machines.inside OUT SANDBOX [FAULT | "kill WHOM" ...]

A guest is slow (docs/machines.md), so nothing here judges speed: low rates, long phases, one steady state of life.
The manifests are the repository's own, with one set of the fault's fields over theirs.
"""

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
from chaos import api
from chaos.errors import ChaosLabError, ManifestError
from chaos.events import Event
from chaos.faults import FAULTS
from chaos.manifests.load import Loaded
from chaos.runs.journal import Journal
from tests.machines.hogging import MANIFEST, hog_document
from tests.machines.killing import killed
from tests.machines.leftovers import left

HOG = "hog"
RATE = 10
HOLD_S = 5.0
OURS: dict[str, dict[str, Any]] = {
    "memory_pressure": {"fill": "85%", "over": "2s"},
    "cpu_throttle": {"cpu": "30%"},
    "network_delay": {"delay": "300ms"},
    "network_delay:port": {"delay": "300ms", "port": 9000},
    "packet_loss": {"loss": "50%"},
}
"""Values that a slow guest can tell from its own slowness; after a colon, another way to select."""
RATES = {"dns_failure": 2}
"""Where each request is several processes' work in a guest."""
HOLDS_S = {
    "dns_failure": 8.0, "io_throttle": 12.0, "memory_pressure": 10.0,
    "packet_loss": 20.0, "packet_corrupt": 12.0, "packet_duplicate": 12.0, "packet_reorder": 12.0,
}  # fmt: skip


def main(out: str, sandbox: str, *wanted: str) -> None:
    """Append a row for each fault asked for, else for all."""
    for name in wanted or (HOG, *FAULTS):
        began = time.monotonic()
        what, _, whom = name.partition(" ")
        said = killed(whom, sandbox) if whom else carried_out(what, sandbox)
        row = {"fault": name, "sandbox": sandbox, "uid": os.geteuid(), **said}
        row["left"] = left()
        row["took_s"] = round(time.monotonic() - began, 1)
        with Path(out).open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{name}: {row}", flush=True)


def carried_out(name: str, sandbox: str) -> dict[str, Any]:
    """What one run says: verdict, mechanism, label, landed, residue; or why there was none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            drawn = api.plan(hog(sandbox) if name == HOG else relaxed(name, sandbox))
            result = api.run_sync(drawn, folder, publish=False)
        except ChaosLabError as error:
            return {"refused": str(error).splitlines()[0]}
        events = list(Journal(Path(folder) / result.run_id / "journal.ndjson").events())
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
        "taken": any(event.data["process"] == "asks" for event in of(events, "process.exited")),
        "memory_peak_bytes": result.usage.memory_peak_bytes,
    }


def of(events: list[Event], kind: str) -> Iterator[Event]:
    return (event for event in events if event.type == kind)


def relaxed(name: str, sandbox: str) -> Loaded:
    """The repository's manifest of that fault with phases and a rate for a slow machine. Raises ManifestError."""
    fault, _, selected = name.partition(":")
    path = manifest_of(fault)
    if path is None:
        raise ManifestError(f"no manifest shows {fault} alone")
    presets = FAULTS[fault].presets
    fields = OURS.get(name) or (
        VALUES[fault][0] if fault in VALUES else presets.get("medium") or presets["low"]
    )
    document = yaml.safe_load(path.read_text())
    step = document["spec"]["method"][0]
    own = {"type": fault} if selected else dict(step["fault"])
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
        spec["load"]["rate"] = f"{RATES.get(step['fault']['type'], RATE)}/s"
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
    return read(hog_document(sandbox), MANIFEST)


if __name__ == "__main__":
    main(*sys.argv[1:])
