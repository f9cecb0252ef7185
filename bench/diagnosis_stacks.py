"""Evidence from real servers that the rules of blind diagnosis have not seen: six stacks, five faults, calm runs.

    python -m bench.diagnosis_stacks record [STACK…]   carry them out by the command line, one at a time (ten minutes)
    python -m bench.diagnosis_stacks                   the score of each stack

The stacks are those of bench/stacks. Of each run the events that tell the fault are left out (`blinded`); the truth is
in truth.json beside them.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from bench import ours
from bench.blind_diagnosis import CALM, blinded, diagnose
from bench.diagnosis import EVIDENCE, evidence, keep, score, truths
from bench.stacks import FOLDER, STACKS, Stack

SET = "stacks"
"""The folder of evidence."""
CALM_RUNS = 2


def faults(stack: Stack) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """What is done to it: a name, and the fault; None is a run in which nothing is done."""
    yield "delay", {"type": "network_delay", "process": "web", "delay": "180ms"}
    yield "memory", {"type": "memory_pressure", "fill": "85%", "over": "1s"}
    yield "disk", {"type": "disk_full", "path": "/tmp", "leave": "1MiB"}
    yield "kill", {"type": "process_kill", "process": "web", "signal": "SIGKILL", "every": "1500ms"}
    yield "refused", {"type": "dependency_failure", "process": stack.dependency, "mode": "refuse"}
    yield "silent", {"type": "dependency_failure", "process": stack.dependency, "mode": "blackhole"}
    for number in range(CALM_RUNS):
        yield f"calm-{number}", None


def manifest(stack: Stack, name: str, fault: Mapping[str, Any] | None) -> dict[str, Any]:
    """One short run: the probe looks at the way that copes, the load asks for the whole work.

    A calm run is one of a fault that does nothing to anybody: a delay of a millisecond.
    """
    nothing = {"type": "network_delay", "process": "web", "delay": "1ms"}
    url = "http://127.0.0.1:8000"
    probe = {"type": "http", "url": f"{url}/safe", "every": "200ms", "timeout": "1s"}
    return ours.document(
        f"{stack.name}-{name}",
        sandbox={"type": "local", "memory": "512MiB", "disk": "128MiB", "ttl": "3m"},
        target=stack.target(),
        load={"url": f"{url}/", "rate": "20/s", "timeout": "2s"},
        steadyState=[{"name": "answers", "probe": probe, "tolerance": {"status": 200}}],
        method=[{"name": "step", "fault": dict(fault or nothing), "hold": "4s"}],
        phases={"warmup": "2s", "baseline": "2s", "recovery": "2s"},
    )


def record(stack: Stack) -> None:
    """Carry out every run of a stack, and keep of each what is blind; what did not land is said and left out."""
    folder = EVIDENCE / SET
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"{stack.name}.*.ndjson.xz"):
        path.unlink()
    known = truths(SET) if (folder / "truth.json").exists() else {}
    truth = {name: fault for name, fault in known.items() if not name.startswith(f"{stack.name}.")}
    for name, fault in faults(stack):
        with tempfile.TemporaryDirectory(prefix="diagnosis-") as work:
            ran = _run(stack, manifest(stack, name, fault), Path(work))
        if isinstance(ran, str) or not all(step.landed for step in ran.result.steps):
            why = ran if isinstance(ran, str) else ran.result.why
            print(f"{stack.name} {name}: {why}; left out", flush=True)
            continue
        truth[f"{stack.name}.{name}"] = str(fault["type"]) if fault else CALM
        keep(folder / f"{stack.name}.{name}.ndjson.xz", blinded(ran.events))
        print(f"{stack.name} {name}: recorded", flush=True)
        (folder / "truth.json").write_text(json.dumps(dict(sorted(truth.items())), indent=1) + "\n")


def _run(stack: Stack, document: Mapping[str, Any], work: Path) -> ours.Ran | str:
    """What the command line gave, or what it complained of."""
    shutil.copytree(FOLDER / stack.name, work / "app")
    (work / ".git").mkdir()
    path = work / "run.yaml"
    path.write_text(yaml.safe_dump(dict(document), sort_keys=False))
    root = Path(__file__).parents[1]
    done = subprocess.run(
        ours.command(path, work / "runs"), capture_output=True, text=True, cwd=root, check=False
    )
    return ours.said(done.stdout, work / "runs") if done.stdout else done.stderr.strip()


def scores() -> Iterator[str]:
    """The score of each stack, and of all together."""
    said = {name: diagnose(events).fault for name, events in evidence(SET)}
    truth = truths(SET)
    for stack in dict.fromkeys(name.partition(".")[0] for name in truth):
        yield f"{stack}:"
        yield from (f"  {line}" for line in score(said, _of(truth, stack)))
    yield "all stacks:"
    yield from (f"  {line}" for line in score(said, truth))


def _of(truth: Mapping[str, str], stack: str) -> dict[str, str]:
    return {name: fault for name, fault in truth.items() if name.startswith(f"{stack}.")}


def main() -> None:
    """Record, or score what was recorded."""
    if sys.argv[1:2] == ["record"]:
        for stack in STACKS:
            if not sys.argv[2:] or stack.name in sys.argv[2:]:
                record(stack)
    print(*scores(), sep="\n")


if __name__ == "__main__":
    main()
