"""Journal of a game day, `day.ndjson`: append-only, and the state that it amounts to.

day.started {run_id, name, purpose, digest, participants, notes, commit, planned, weights, source} ·
day.ended {ended, why}                                        planned: [{stage, experiments}], in their order
stage.started {stage} · stage.ended {stage}
experiment.begun {stage, experiment, follow_up_of} · experiment.found {experiment, follow_up_of, run_id, folder}
experiment.ended {experiment, follow_up_of, run_id, outcome, verdict, why, flow_run}
approval.asked {stage, question, within_s} · decision.made {stage, go, by, why, who}
"""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.game_days.day import Day, DayDecision, Ran, StageRecord
from chaos.runs.journal import Journal

FILE = "day.ndjson"


def journal_of(folder: Path) -> Journal:
    """The journal in the folder of a day."""
    return Journal(folder / FILE)


def is_day(journal: Path) -> bool:
    """Whether this is the journal of a game day, by its first line."""
    try:
        with journal.open("rb") as file:
            return b'"type":"day.started"' in file.readline(1 << 20)
    except OSError:
        return False


def append(journal: Journal, type_: str, **data: Any) -> None:
    """Add one fact, now. Raises ChaosLabError when the disk refuses."""
    journal.append(Event(type_, time.time(), data, source="host"))


def fold(events: Iterable[Event]) -> Day:
    """The day that these facts amount to, as far as they go. Raises ChaosLabError when they are of no day."""
    day: Day | None = None
    planned: list[str] = []
    for event in events:
        if event.type == "day.started":
            planned = [name for stage in event.data["planned"] for name in stage["experiments"]]
            day = _begun(event)
        elif day is not None:
            day = _after(day, event)
    if day is None:
        raise ChaosLabError("not the journal of a game day: it has no day.started")
    begun = {each.experiment for each in day.ran}
    return day.model_copy(update={"not_run": tuple(name for name in planned if name not in begun)})


def _begun(event: Event) -> Day:
    fields = {key: event.data[key] for key in ("run_id", "name", "purpose", "digest", "commit", "weights")}
    return Day(
        **fields,
        participants=tuple(event.data["participants"]),
        notes=event.data["notes"],
        started_at=_when(event),
    )


def _after(day: Day, event: Event) -> Day:
    match event.type:
        case "day.ended":
            return day.model_copy(update={"ended_at": _when(event), **_some(event, "ended", "why")})
        case "stage.started":
            stage = StageRecord(name=event.data["stage"], started_at=_when(event))
            return day.model_copy(update={"stages": (*day.stages, stage)})
        case "stage.ended" | "experiment.begun" | "experiment.found" | "experiment.ended" | "decision.made":
            stages = tuple(_stage_after(stage, event) for stage in day.stages)
            return day.model_copy(update={"stages": stages})
    return day


def _stage_after(stage: StageRecord, event: Event) -> StageRecord:
    if event.type in ("experiment.found", "experiment.ended"):
        return stage.model_copy(update={"ran": tuple(_ran_after(stage.ran, event))})
    if event.data["stage"] != stage.name:
        return stage
    match event.type:
        case "stage.ended":
            return stage.model_copy(update={"ended_at": _when(event)})
        case "decision.made":
            decision = DayDecision(at=_when(event), **_some(event, "go", "by", "why", "who"))
            return stage.model_copy(update={"decisions": (*stage.decisions, decision)})
    ran = Ran(started_at=_when(event), **_some(event, "experiment", "follow_up_of"))
    return stage.model_copy(update={"ran": (*stage.ran, ran)})


def _ran_after(ran: Iterable[Ran], event: Event) -> Iterator[Ran]:
    for one in ran:
        which = event.data["experiment"], event.data["follow_up_of"]
        if which != (one.experiment, one.follow_up_of) or one.ended_at is not None:
            yield one
        elif event.type == "experiment.found":
            yield one.model_copy(update=_some(event, "run_id", "folder"))
        else:
            said = _some(event, "run_id", "outcome", "verdict", "why", "flow_run")
            yield Ran.model_validate({**one.model_dump(), **said, "ended_at": _when(event)})


def _some(event: Event, *names: str) -> dict[str, Any]:
    return {name: event.data[name] for name in names if name in event.data}


def _when(event: Event) -> datetime:
    return datetime.fromtimestamp(event.at, UTC)
