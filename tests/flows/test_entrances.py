"""One pipeline behind every entrance: a manifest is read once and planned once, and what fails does the same."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chaos import api
from chaos.analysis.result import Result
from chaos.game_days.learnt import DayReport
from chaos.game_days.planning import DayPlan
from chaos.history.store import History
from chaos.planning.plan import Plan
from chaos.runner.observer import RunObserver
from chaos.runs.directory import Run
from chaos.verdict import Verdict
from flows.experiment.from_terminal import run_with_prefect
from flows.game_day.from_terminal import run_day_with_prefect
from flows.server import api as server
from tests.counting import counted
from tests.flows.game_days.a_day import write_day
from tests.flows.manifests import killed

Entrance = Callable[[Plan, Path, RunObserver], Awaitable[Result]]
DAY = """
apiVersion: chaoslab/v1
kind: GameDay
metadata: {name: DAYNAME}
spec:
  purpose: See whether the server comes back.
  stages: [{name: only, experiments: [{name: DAYNAME-one}]}]
"""


async def directly(plan: Plan, out: Path, observer: RunObserver) -> Result:
    return await api.run(plan, out, observer=observer)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a file was parsed, and an experiment planned, by whomever."""
    return counted(monkeypatch)


def in_the_way(run: Run) -> None:
    """A folder where the report is to be."""
    run.report.mkdir()


@pytest.mark.parametrize("entrance", [directly, run_with_prefect], ids=["terminal", "prefect"])
def test_a_report_that_cannot_be_written_costs_no_verdict(
    prefect_server: server.Api, tmp_path: Path, counts: Counter[str], entrance: Entrance
) -> None:
    said: list[str] = []
    observer = RunObserver(log=said.append, on_begin=in_the_way, started_by="terminal")
    plan = api.plan(killed(tmp_path))

    result = asyncio.run(entrance(plan, tmp_path / "runs", observer))

    assert counts == {"parsed": 1, "planned": 1}
    assert [line for line in said if "cannot write the report" in line] == [
        f"no report: {observer.run and observer.run.folder}: cannot write the report: Is a directory"
    ]
    assert result.verdict is Verdict.HELD, result.why
    assert result.links.report is None
    assert observer.run is not None
    assert Result.model_validate_json(observer.run.result.read_bytes()) == result
    with History.open() as history:
        assert history.get(result.run_id) is not None


async def day_directly(plan: DayPlan, out: Path, observer: RunObserver, anytime: bool) -> DayReport:
    return await api.run_day(plan, out, observer=observer, anytime=anytime)


@pytest.mark.parametrize("entrance", [day_directly, run_day_with_prefect], ids=["terminal", "prefect"])
def test_the_same_of_a_game_day(
    prefect_server: server.Api,
    tmp_path: Path,
    counts: Counter[str],
    entrance: Callable[[DayPlan, Path, RunObserver, bool], Awaitable[DayReport]],
) -> None:
    said: list[str] = []
    observer = RunObserver(log=said.append, on_begin=in_the_way)
    plan = api.plan_day(write_day(tmp_path / "experiments", day=DAY))

    report = asyncio.run(entrance(plan, tmp_path / "runs", observer, False))

    assert counts == {"parsed": 2, "planned": 1}
    assert observer.run is not None
    assert [line for line in said if "report" in line] == [
        f"no report: {observer.run.folder}: cannot write the day's report: Is a directory"
    ]
    assert report.verdict is Verdict.HELD, report.why
    assert DayReport.model_validate_json((observer.run.folder / "day.json").read_bytes()) == report
