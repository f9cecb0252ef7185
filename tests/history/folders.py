"""Run folders as runs leave them: from a journal of the collection, judged, without carrying anything out."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from chaos.analysis.judgement import judge
from chaos.analysis.result import Result
from chaos.events import Event
from chaos.explain import rules
from chaos.game_days.record import fold
from chaos.publish import game_day_report as reporting
from chaos.runs.journal import Journal
from chaos.text.inert import in_json

JOURNALS = Path(__file__).parents[1] / "journals"


@cache
def judged(name: str) -> Result:
    events = list(Journal(JOURNALS / f"{name}.ndjson").events())
    result = judge(events)
    return result.model_copy(update={"analysis": rules.analyze(result, events, None)})


def run_folder(
    under: Path, number: int = 1, experiment: str = "shop", journal: str = "held", **changed: Any
) -> Path:
    """One folder; its run began `number` seconds after the epoch of these tests."""
    run_id = (
        f"20261130-1{number // 3600:01d}{number // 60 % 60:02d}{number % 60:02d}-{experiment}-{number:06x}"
    )
    folder = under / run_id
    folder.mkdir(parents=True)
    origin = changed.pop("origin", None)
    said = {
        "run_id": run_id,
        "experiment": experiment,
        "started_at": f"2026-11-30T1{number // 3600:01d}:{number // 60 % 60:02d}:{number % 60:02d}.000Z",
        "ended_at": "2026-12-01T00:00:00.000Z",
        **changed,
    }
    result = judged(journal).model_copy(update=said)
    (folder / "journal.ndjson").write_bytes((JOURNALS / f"{journal}.ndjson").read_bytes())
    (folder / "result.json").write_text(in_json(result.model_dump_json(indent=2)) + "\n")
    (folder / "report.html").write_text("<p>report")
    if origin is not None:
        (folder / "origin.json").write_text(json.dumps(origin))
    return folder


def day_folder(under: Path, runs: list[Path], number: int = 9000) -> Path:
    """A game day of these runs."""
    run_id = f"20261130-123000-friday-{number:06x}"
    folder = under / run_id
    folder.mkdir()
    names = [each.name.split("-", 2)[2].rpartition("-")[0] for each in runs]
    begun = {
        "run_id": run_id, "name": "friday", "purpose": "To know.", "digest": "sha256:1", "commit": None, "weights": {},
        "participants": [], "notes": "", "planned": [{"stage": "one", "experiments": names}],
    }  # fmt: skip
    facts: list[tuple[str, dict[str, Any]]] = [("day.started", begun), ("stage.started", {"stage": "one"})]
    for name, each in zip(names, runs, strict=True):
        of = {"experiment": name, "follow_up_of": None}
        facts += [
            ("experiment.begun", {"stage": "one", **of}),
            ("experiment.found", {**of, "run_id": each.name, "folder": str(each)}),
            (
                "experiment.ended",
                {**of, "run_id": each.name, "outcome": "completed", "verdict": "held", "why": ""},
            ),
        ]
    facts += [("stage.ended", {"stage": "one"}), ("day.ended", {"ended": "completed", "why": ""})]
    events = [Event(type_, 1796000000.0 + at, data, source="host") for at, (type_, data) in enumerate(facts)]
    (folder / "day.ndjson").write_bytes(b"".join(each.to_line() for each in events))
    reporting.write(fold(events), folder)
    return folder
