"""The runs of docs/fidelity.md: every fault of the union at two values, each in a sandbox of its own.

The manifests are the repository's own (the fragile ones where there are, so that the load feels the fault), with
shorter phases and the values below; for a fault that has none here, those of its presets low and high.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from chaos import api
from chaos.analysis.result import Result, StepResult
from chaos.errors import ChaosLabError, ManifestError
from chaos.events import Event
from chaos.faults import FAULTS
from chaos.manifests.load import Loaded, load_bytes
from chaos.runs.journal import Journal

ROOT = Path(__file__).resolve().parents[1]
VALUES: dict[str, Sequence[dict[str, Any]]] = {
    "dependency_failure": ({"mode": "refuse"}, {"mode": "blackhole"}),
    "disk_full": ({"leave": "1MiB"}, {"leave": "16KiB"}),
    "disk_read_only": ({"path": "/tmp"}, {"path": "/", "below": True}),
    "inode_exhaustion": ({"leave": 0}, {"leave": 25}),
    "io_stress": ({"rate": "5MiB/s"}, {"rate": "40MiB/s"}),
    "io_throttle": ({"read": "128KiB/s"}, {"read": "1MiB/s"}),
    "memory_pressure": ({"fill": "60%", "over": "1s"}, {"fill": "80%", "over": "2s"}),
    "network_delay": ({"delay": "5ms"}, {"delay": "2s"}, {"delay": "200ms", "direction": "both"}),
    "process_kill": ({"signal": "SIGKILL"}, {"signal": "SIGTERM"}),
}
"""Two sets of fields a fault, over those of its manifest."""
WHERE = frozenset({"type", "process", "port", "host", "path"})
HOLD_S = 3.0
HOLDS_S = {"packet_loss": 14.0, "network_delay": 6.0}
"""Where so little time does not do: 10,000 packets, and enough trips of two seconds."""
RATE = 50
LOOKS_EVERY = "10ms"
TO_THE_END_S = 0.3
"""A fault that no request felt any more so long before its end does not show by them when it ended."""
IN_A_ROW = 3
"""So many requests one after another must feel a fault: a single slow one is nobody's."""


@dataclass(frozen=True)
class Row:
    """One run: what it gave, or why it gave nothing."""

    fault: str
    fields: Mapping[str, Any]
    step: StepResult | None
    why: str = ""
    felt_from_ms: float | None = None
    felt_until_ms: float | None = None
    undo_ms: float | None = None
    resolution_ms: float | None = None
    """Of the recovery time of a steady state that is looked at a hundred times a second."""
    again: bool = False
    """Whether it is the second run, because the first missed its bound."""

    @property
    def hold_error_ms(self) -> float | None:
        """How much longer than asked it was held."""
        if self.step is None or self.step.held_s is None:
            return None
        return (self.step.held_s - self.step.hold_s) * 1000


def manifest_of(fault: str) -> Path | None:
    """The file with that one fault; the fragile target where there is one."""
    found = [path for path in sorted(ROOT.glob("experiments/**/*.yaml")) if steps_of(path) == [fault]]
    return max(found, key=lambda path: "fragile" in str(path), default=None)


@cache
def steps_of(path: Path) -> list[str]:
    """The types of the faults of a file, in order."""
    spec = (yaml.safe_load(path.read_text()) or {}).get("spec", {})
    return [step.get("fault", {}).get("type", "") for step in spec.get("method", [])]


def fields_of(fault: str) -> Sequence[Mapping[str, Any]]:
    """The two sets of fields."""
    presets = FAULTS[fault].presets
    return VALUES.get(fault) or (presets["low"], presets["high"])


def short(path: Path, fields: Mapping[str, Any]) -> Loaded:
    """The manifest with these fields over its own, or where those contradict them, over what says where.

    Raises ManifestError.
    """
    try:
        return shortened(path, fields, keep=lambda name: name != "intensity")
    except ManifestError:
        return shortened(path, fields, keep=WHERE.__contains__)


def shortened(path: Path, fields: Mapping[str, Any], keep: Callable[[str], bool]) -> Loaded:
    """The manifest with these fields, those of its own to keep, and short phases. Raises ManifestError."""
    document = yaml.safe_load(path.read_text())
    spec, step = document["spec"], document["spec"]["method"][0]
    step["fault"] = {name: value for name, value in step["fault"].items() if keep(name)} | dict(fields)
    process = spec["target"]["processes"][-1]["name"]
    spec["steadyState"] = [
        {
            "name": "alive",
            "probe": {"type": "process", "process": process, "every": LOOKS_EVERY},
            "tolerance": {"running": True},
            "holds": "afterwards",
        }
    ]
    spec["phases"] = {"baseline": "1s", "recovery": "1s"}
    spec["blastRadius"] = {"maxHold": "2m"}
    for name in ("stopWhen", "trials", "control"):
        spec.pop(name, None)
    if "load" in spec:
        spec["load"]["rate"] = f"{RATE}/s"
    method = [{"name": step["name"], "fault": step["fault"], "hold": "60s"}]
    spec["method"] = method
    needed = read(document, path).manifest.spec.method[0].fault.minimum_hold_s()
    hold_s = HOLDS_S.get(step["fault"]["type"], HOLD_S)
    method[0]["hold"] = f"{max(hold_s, needed + 0.5):g}s"
    return read(document, path)


def read(document: Mapping[str, Any], path: Path) -> Loaded:
    """A document as if it were in that file. Raises ManifestError."""
    loaded, wrong = load_bytes(json.dumps(document).encode(), path)
    if wrong:
        raise ManifestError(*wrong)
    return loaded[0]


def measure(fault: str, fields: Mapping[str, Any], out: Path) -> Row:
    """One run, through the same stages as every other."""
    path = manifest_of(fault)
    if path is None:
        return Row(fault, fields, None, "no manifest shows it alone")
    try:
        result = api.run_sync(api.plan(short(path, fields)), out, publish=False)
    except ChaosLabError as error:
        return Row(fault, fields, None, str(error).splitlines()[0])
    journal = Journal(out / result.run_id / "journal.ndjson")
    return row(fault, fields, result, list(journal.events()))


def row(fault: str, fields: Mapping[str, Any], result: Result, events: Sequence[Event]) -> Row:
    """What the run says of its one step."""
    step = result.steps[0]
    if step.injected_at is None:
        return Row(fault, fields, None, step.why)
    injected = next(event.at for event in events if event.type == "fault.injected")
    ended = next((event for event in events if event.type == "fault.recovered"), None)
    undo_ms = None
    if ended is not None and isinstance(began := ended.data.get("began_at"), float):
        undo_ms = (ended.at - began) * 1000
    seen = result.steady_state[0].resolution_seconds
    begins, ends = felt(events)
    if ends is not None and (ended is None or ends < ended.at - TO_THE_END_S or FAULTS[fault].impulse):
        ends = None
    return Row(
        fault,
        fields,
        step,
        felt_from_ms=None if begins is None else (begins - injected) * 1000,
        felt_until_ms=None if ends is None or ended is None else (ends - ended.at) * 1000,
        undo_ms=undo_ms,
        resolution_ms=None if seen is None else seen * 1000,
    )


def felt(events: Sequence[Event]) -> tuple[float | None, float | None]:
    """Intended times of the first request that felt the fault, and of the first that no longer did.

    A request feels it when it fails, or takes three times what 95 % took in the baseline and 10 ms more; so do the two
    next ones. The load is sent by the agent at fixed times, whatever the app does.
    """
    begins = {event.data["phase"]: event.at for event in events if event.type == "phase.started"}
    sent = sorted((event.at, event.data) for event in events if event.type == "load.sampled")
    quiet = sorted(data["took_ms"] for at, data in sent if at < begins["fault"] and not data["error"])
    if not quiet:
        return None, None
    limit_ms = 3 * quiet[int(0.95 * (len(quiet) - 1))] + 10
    hit = [
        bool(data["error"]) or (data["status"] or 0) >= 400 or data["took_ms"] > limit_ms for _, data in sent
    ]
    rows = [i for i in range(len(hit) - IN_A_ROW + 1) if all(hit[i : i + IN_A_ROW])]
    if not rows or sent[rows[0]][0] < begins["fault"] - 1:
        return None, None
    after = rows[-1] + IN_A_ROW
    return sent[rows[0]][0], sent[after][0] if after < len(sent) else None
