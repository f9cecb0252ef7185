"""One run of ours for a comparison: a manifest as a document, carried out by the stages of every run."""

import asyncio
import dataclasses
import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.analysis.result import Result
from chaos.errors import ManifestError
from chaos.events import Event
from chaos.manifests.load import load_bytes
from chaos.planning.plan import plan
from chaos.runner import stages as runner
from chaos.runner.pipeline import Stages, carry_out, carry_out_trial
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.runs.journal import Journal
from chaos.verdict import Outcome


@dataclass(frozen=True)
class Ran:
    """What one run gave."""

    result: Result
    events: list[Event]

    def at(self, type_: str, **data: Any) -> float:
        """When the first event of that type, with that data, was."""
        return next(
            event.at
            for event in self.events
            if event.type == type_ and all(event.data.get(key) == value for key, value in data.items())
        )

    def between(self, type_: str, begin: float, end: float) -> list[Event]:
        """The events of a type within a time."""
        return [event for event in self.events if event.type == type_ and begin <= event.at < end]


def document(name: str, **spec: Any) -> dict[str, Any]:
    """A whole manifest."""
    return {
        "apiVersion": "chaoslab/v1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {"hypothesis": "It is about the tools, not about the app.", **spec},
    }


def command(manifest: Path, out: Path) -> list[str]:
    """What a person types for one run, its result on standard output."""
    return [
        sys.executable,
        *["-m", "flows.main", "run", "--no-prefect", "--json", "--out"],
        str(out),
        str(manifest),
    ]


def app(folder: Path, **files: str) -> Path:
    """Write an app of these Python files; the path of a manifest beside it."""
    (folder / "app").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "app" / f"{name}.py").write_text(text)
    return folder / "manifest.yaml"


def run(manifest: Mapping[str, Any], path: Path, *, withheld: bool = False, failing: bool = False) -> Ran:
    """Carry it out as if it were in that file; `withheld`: without its faults; `failing`: it may end badly.

    Raises ChaosLabError, and SystemExit when it was not carried out to its end.
    """
    loaded, wrong = load_bytes(json.dumps(manifest).encode(), path)
    if wrong:
        raise ManifestError(*wrong)
    asked = dataclasses.replace(plan(loaded[0]), withheld=withheld)
    run_ = Run.new(asked.name, path.parent / "runs")
    carrying = carry_out_trial if withheld else carry_out
    asyncio.run(carrying(asked, run_, Stages(), Stop()))
    result = runner.analyze(run_)
    ran = Ran(result, list(run_.journal.events()))
    if result.outcome is not Outcome.COMPLETED and not failing:
        raise SystemExit(f"{asked.name} was not carried out: {result.why}")
    return ran


def said(told: str, runs: Path) -> Ran:
    """A run that the command line carried out below `runs`, from the JSON that it told."""
    result = Result.model_validate_json(told)
    return Ran(result, list(Journal(runs / result.run_id / "journal.ndjson").events()))


def machine() -> str:
    """Where it was measured."""
    return (
        f"Linux {platform.release()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the end,"
        f" Python {platform.python_version()}"
    )


def ratio(name: str, ours: float, theirs: float, *, unit: str = "", digits: int = 2) -> str:
    """`NAME: ours is 0.5 x stress-ng's (1.2 s against 2.4 s)`; what was under what can be seen says so."""
    pair = f"{ours:.{digits}f} {unit} against {theirs:.{digits}f} {unit}".replace("  ", " ")
    if theirs == 0:
        return f"{name}: no ratio ({pair})"
    return f"{name} is {ours / theirs:.2g} x ({pair})"
