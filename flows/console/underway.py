"""How far a run is, read from its journal as it grows: only what was added since the last look."""

import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.run_spec.model import RunSpec
from chaos.runs.active import folder as folder_of_runs
from chaos.runs.directory import Run
from flows.console.answers import Progress

_REMEMBERED = 256


@dataclass(slots=True)
class Told:
    """What a journal has said so far."""

    offset: int = 0
    phase: str = "sandbox"
    order: Mapping[str, Any] = field(default_factory=dict)
    """What the journal begins with, as it is."""
    seed: int | None = None
    segments: int = 0
    began: float | None = None
    """When the first phase of this segment began, Unix seconds."""
    _plan: RunSpec | None = None

    @property
    def plan(self) -> RunSpec:
        """The same, typed. Raises SpecError when it is not as ChaosLab writes it."""
        if self._plan is None:
            self._plan = RunSpec.of_journal(self.order)
        return self._plan

    def take(self, event: Event) -> None:
        """One more event."""
        match event.type:
            case "run.started":
                found = event.data.get("plan")
                self.order = found if isinstance(found, Mapping) else {}
                self._plan = None
                self.seed = self.seed if self.segments else _whole(event.data.get("seed"))
                self.segments += 1
                self.phase, self.began = "sandbox", None
            case "sandbox.opened":
                self.phase = "setup"
            case "agent.started":
                self.phase = "target"
            case "phase.started":
                self.phase = str(event.data.get("phase", ""))
                self.began = self.began or event.at
            case "run.ended":
                self.phase = "analyze"
            case _:
                pass

    def progress(self, now: float) -> Progress:
        """Of the declared phases of all its trials, 0 to 99: only the end makes it 100. Raises SpecError."""
        declared = self.plan.declared_s or 0.0
        series = self.plan.series
        whole = declared * series.trials * (2 if series.control else 1)
        here = 0.0 if self.began is None else min(declared, max(0.0, now - self.began))
        here = declared if self.phase == "analyze" else here
        done = declared * max(0, self.segments - 1) + here
        if whole <= 0:
            return Progress(percent=0.0)
        return Progress(
            percent=round(min(99.0, 100 * done / whole), 1),
            elapsed_s=round(done, 1),
            declared_s=whole,
            eta_s=round(max(0.0, whole - done), 1),
        )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


@dataclass(slots=True)
class Journals:
    """What the journals of some runs have said; those that were asked for last are remembered. Asked in threads."""

    _told: "OrderedDict[str, Told]" = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def told(self, run: Run) -> Told | None:
        """What this one has said; None when there is no journal, or none that can be read."""
        with self._lock:
            told = self._told.pop(run.id, None) or Told()
            self._told[run.id] = told
            if len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)
            try:
                while True:
                    events, offset = run.journal.after(told.offset)
                    if offset == told.offset:
                        return told
                    told.offset = offset
                    for event in events:
                        told.take(event)
            except ChaosLabError:
                return None


def progress_now(told: Told) -> Progress:
    """How far it is at this moment."""
    return told.progress(time.time())


def is_readable(folder: Path, run_id: str, file: str = "journal.ndjson") -> bool:
    """Whether that folder of that run is here: the name of a run is never given twice."""
    return folder.is_absolute() and folder.name == run_id and (folder / file).is_file()


def local_runs() -> "dict[str, Mapping[str, Any]]":
    """What this machine carries out, or has left behind: run id -> its folder, its flow run, its process."""
    found: dict[str, Mapping[str, Any]] = {}
    for file in folder_of_runs().glob("*.json"):
        try:
            said = json.loads(file.read_text())
        except (OSError, ValueError):
            continue  # it has just ended, or has just begun
        if isinstance(said, Mapping) and isinstance(said.get("folder"), str):
            found[file.stem] = said
    return found
