"""A game day whose process was killed: its report says what ran."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.publish.game_day_cleanup import DIED, ClosedGameDay, close_abandoned
from chaos.verdict import Outcome, Verdict

KILLED = """
import os, sys, time
from pathlib import Path
from chaos.game_days import record
from chaos.runs.directory import Run
from chaos.runs.active import DAYS, registered

out = Path(sys.argv[1])
run = Run.new("day", out)
journal = record.journal_of(run.folder)
with registered(run, among=DAYS):
    record.append(journal, "day.started", run_id=run.id, name="day", purpose="See.", digest="sha256:0", participants=[],
                notes="", commit=None, planned=[{"stage": "first", "experiments": ["a", "b"]}], weights={}, source="d")
    record.append(journal, "stage.started", stage="first")
    record.append(journal, "experiment.begun", stage="first", experiment="a", follow_up_of=None)
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of our own."""
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def closed() -> list[ClosedGameDay]:
    async def all_of_them() -> list[ClosedGameDay]:
        return [each async for each in close_abandoned()]

    return asyncio.run(all_of_them())


def test_a_killed_day_is_closed_and_reported_once(state: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(state / "runs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        assert closed() == []  # it lives
        process.send_signal(signal.SIGKILL)
    ((left, day, _),) = closed()
    assert day is not None
    assert (day.ended, day.why, day.exit_code, day.not_run) == ("crashed", DIED, 5, ("b",))
    assert (day.ran[0].outcome, day.ran[0].verdict) == (Outcome.CRASHED, Verdict.INCONCLUSIVE)
    for name in ("day.json", "report.html", "junit.xml", "dashboard.json"):
        assert (left.run.folder / name).stat().st_size > 0
    assert DIED[1:] in (left.run.folder / "report.html").read_text()
    assert closed() == []
