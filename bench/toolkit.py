"""Chaos Toolkit in an environment of its own, and one experiment of it from a document to its exit code and journal."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSIONS = ("chaostoolkit==1.19.0", "chaostoolkit-lib==1.44.0")
"""The newest for Python 3.11."""


@dataclass(frozen=True)
class Ran:
    """What one `chaos run` gave."""

    code: int
    wall_s: float
    journal: Mapping[str, Any]


def installed() -> Path:
    """Its command; installed through pip into a folder of the user's cache the first time, never beside us."""
    folder = Path.home() / ".cache/chaoslab/bench" / "-".join(VERSIONS).replace("==", "-")
    command = folder / "bin/chaos"
    if not command.exists():
        print(f"installing {' '.join(VERSIONS)} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *VERSIONS], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(folder)
            sys.exit(
                f"{done.stderr}\nChaos Toolkit cannot be installed; without it there is nothing to compare with"
            )
    return command


def experiment(url: str, action: Mapping[str, Any], pause_s: float) -> dict[str, Any]:
    """The steady state "it answers 200", one action, and a pause after it."""
    probe = {
        "type": "probe",
        "name": "answers",
        "tolerance": 200,
        "provider": {"type": "http", "url": url, "timeout": 1},
    }
    return {
        "title": "one action",
        "description": "beside the same of another tool",
        "steady-state-hypothesis": {"title": "it answers", "probes": [probe]},
        "method": [{"type": "action", "name": "hurt", "provider": action, "pauses": {"after": pause_s}}],
        "rollbacks": [],
    }


def run(chaos: Path, document: Mapping[str, Any], folder: Path, *options: str) -> Ran:
    """Run it to its end. Its look for newer versions is switched off: that costs seconds without a network."""
    (folder / "experiment.json").write_text(json.dumps(document))
    log, journal = folder / "chaos.log", folder / "chaos.json"
    journal.unlink(missing_ok=True)
    command: Sequence[str | Path] = [
        chaos, "--no-version-check", "--log-file", log, "run", "--journal-path", journal, *options, "experiment.json"
    ]  # fmt: skip
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    wall_s = time.monotonic() - began
    return Ran(done.returncode, wall_s, json.loads(journal.read_text()) if journal.exists() else {})
