"""How a game day goes: stages, lanes, follow-ups, gates and stops, over runs that are handed in instead of made."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis.result import Result
from chaos.errors import SandboxError
from chaos.game_days import record
from chaos.game_days.conducting import conduct
from chaos.game_days.day import Day
from chaos.game_days.deciding import Answer, NotNow, check_time
from chaos.game_days.new_lines import new_lines
from chaos.game_days.planning import DayPlan, plan_day
from chaos.manifests.load import game_days, load_all
from chaos.manifests.models.game_day import ByApproval
from chaos.manifests.referring import resolve
from chaos.planning.plan import Plan
from chaos.runner.observer import RunObserver
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.runs.journal import Journal
from chaos.verdict import Outcome, Verdict
from tests.game_days.a_day import moment, result
from tests.manifests.a_repository import SMALL, a_repository

HEAD = """
apiVersion: chaoslab/v1
kind: GameDay
metadata: {name: day}
spec:
  purpose: See.
"""
TWO = """\
  stages:
    - {name: first, parallel: 2, experiments: [{name: a}, {name: b}, {name: c}]%s}
    - {name: second, experiments: [{name: d%s}]}
"""


def planned(folder: Path, spec: str) -> DayPlan:
    """The plan of a day over the experiments a to f."""
    shop = a_repository(folder)
    for name in "abcdef":
        (shop / f"{name}.yaml").write_text(SMALL.replace("name: small", f"name: {name}"))
    (shop / "day.yaml").write_text(HEAD + spec)
    loaded, wrong = load_all([shop / "day.yaml"])
    assert wrong == []
    (day,) = game_days(loaded)
    return plan_day(day, resolve(day)[0])


@dataclass
class Handed:
    """Results that were judged before, by experiment; held where nothing is said."""

    out: Path
    deviates: str = ""
    fails: str = ""
    answer: Answer = field(default_factory=lambda: Answer(True, "fine", "Ada"))
    waits: Callable[[str], bool] = lambda name: False
    """Which runs last until they are stopped."""
    began: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    seen: Day | None = None
    most: int = 0
    running: int = 0

    async def run(self, plan: Plan, observer: RunObserver) -> Result:
        self.running += 1
        self.most = max(self.most, self.running)
        self.began.append(plan.name)
        observer.begun(Run.new(plan.name, self.out))
        try:
            await asyncio.sleep(0)
            if plan.name in self.fails:
                raise SandboxError("no sandbox")
            if self.waits(plan.name):
                await observer.stop.wait()
                return result(
                    plan.name, Verdict.INCONCLUSIVE, 0, outcome=Outcome.ABORTED, why=observer.stop.why
                )
            return result(plan.name, Verdict.DEVIATED if plan.name in self.deviates else Verdict.HELD, 0)
        finally:
            self.running -= 1

    async def ask(self, stage: str, gate: ByApproval) -> Answer:
        return self.answer

    async def show(self, day: Day) -> None:
        self.heard += new_lines(self.seen, day)
        self.seen = day


def conducted(tmp_path: Path, spec: str, stop: Stop | None = None, **how: Any) -> tuple[Day, Handed]:
    run = Run.new("day", tmp_path / "runs")
    handed = Handed(tmp_path / "runs", **how)
    day = asyncio.run(conduct(planned(tmp_path / "r", spec), run, handed, stop or Stop()))
    assert day == record.fold(record.journal_of(run.folder).events())
    return day, handed


def test_all_of_it_runs_in_order_and_no_more_at_once_than_may(tmp_path: Path) -> None:
    day, handed = conducted(tmp_path, TWO % ("", ""))
    assert (day.ended, day.verdict, day.exit_code) == ("completed", Verdict.HELD, 0)
    assert handed.began == ["a", "b", "c", "d"]
    assert handed.most == 2
    assert handed.heard == ["first:", "  a: held", "  b: held", "  c: held", "second:", "  d: held"]
    assert [each.name for each in day.stages] == ["first", "second"]
    assert all(each.folder and Path(each.folder).is_dir() for each in day.ran)


def test_what_deviates_ends_the_day_and_what_runs_beside_it_is_let_to_its_end(tmp_path: Path) -> None:
    day, _ = conducted(tmp_path, TWO % ("", ""), deviates="a")
    assert (day.ended, day.verdict, day.not_run) == ("stopped", Verdict.DEVIATED, ("c", "d"))
    assert day.why.startswith("a deviated")
    assert [each.experiment for each in day.ran] == ["a", "b"]
    assert day.ran[1].verdict is Verdict.HELD


def test_a_day_that_goes_on_when_something_deviates_is_completed(tmp_path: Path) -> None:
    day, _ = conducted(tmp_path, "  onDeviation: continue\n" + TWO % ("", ""), deviates="a")
    assert (day.ended, day.verdict, day.not_run) == ("completed", Verdict.DEVIATED, ())


def test_the_last_one_stops_nothing_when_it_deviates(tmp_path: Path) -> None:
    day, _ = conducted(tmp_path, TWO % ("", ""), deviates="d")
    assert (day.ended, day.why, day.not_run) == ("completed", "", ())


def test_a_follow_up_runs_though_the_day_stops_and_so_does_its_own(tmp_path: Path) -> None:
    spec = TWO % ("", ", followUp: e") + "  followUps: [{name: e, followUp: f}]\n"
    day, _ = conducted(tmp_path, spec, deviates="de")
    assert [(each.experiment, each.follow_up_of) for each in day.stages[1].ran] == [
        ("d", None),
        ("e", "d"),
        ("f", "e"),
    ]


def test_an_experiment_that_comes_to_nothing_proves_nothing_and_ends_no_day(tmp_path: Path) -> None:
    day, _ = conducted(tmp_path, TWO % ("", ""), fails="b")
    assert (day.ended, day.verdict) == ("completed", Verdict.INCONCLUSIVE)
    assert (day.ran[1].outcome, day.ran[1].why) == (Outcome.CRASHED, "no sandbox")


GATE = ", goNoGo: [{type: verdicts%s}]"


@pytest.mark.parametrize(
    ("gate", "hands", "go", "why"),
    [
        (GATE % "", {}, True, "3 of 3 held"),
        (GATE % "", {"fails": "b"}, False, "b inconclusive"),
        (GATE % ", require: not-deviated", {"fails": "b"}, True, "none deviated"),
        (GATE % ", require: not-deviated", {"deviates": "c"}, False, "c deviated"),
        (", goNoGo: [{type: approval}]", {}, True, "fine"),
        (", goNoGo: [{type: approval}]", {"answer": Answer(False, "not today", "Grace")}, False, "not today"),
    ],
)
def test_a_gate_decides_whether_the_next_stage_begins(
    tmp_path: Path, gate: str, hands: dict[str, Any], go: bool, why: str
) -> None:
    day, _ = conducted(tmp_path, "  onDeviation: continue\n" + TWO % (gate, ""), **hands)
    (decision,) = day.stages[0].decisions
    assert (decision.go, decision.why) == (go, why)
    assert day.not_run == (() if go else ("d",))
    assert go or (day.ended == "stopped" and day.why.startswith("no-go after first, by"))


@pytest.fixture
def port() -> int:
    """One that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_stop_condition_ends_what_runs_and_the_day(tmp_path: Path, port: int) -> None:
    probe = f"{{type: tcp, port: {port}, every: 20ms}}"
    spec = f"  stopWhen: [{{probe: {probe}, tolerance: {{connected: true}}, for: 100ms}}]\n" + TWO % ("", "")
    spec = spec.replace("{name: c}]", "{name: c}], goNoGo: [{type: verdicts}]")
    day, _ = conducted(tmp_path, spec, waits=lambda name: name == "a")
    assert (day.ended, day.exit_code) == ("aborted", 4)
    assert f"stop condition of the game day: tcp {port} was not connected for" in day.why
    assert "connected False" in day.why
    (decision,) = day.stages[0].decisions
    assert (decision.go, decision.by) == (False, "stop condition")
    assert day.ran[0].outcome is Outcome.ABORTED
    assert "d" in day.not_run


def test_a_probe_that_is_not_well_in_time_says_no(tmp_path: Path, port: int) -> None:
    probe = f"{{type: tcp, port: {port}, every: 20ms}}"
    gate = f", goNoGo: [{{type: probe, probe: {probe}, tolerance: {{connected: true}}, for: 50ms, within: 200ms}}]"
    day, _ = conducted(tmp_path, TWO % (gate, ""))
    (decision,) = day.stages[0].decisions
    assert (decision.go, decision.by) == (False, "probe")
    assert "was not connected for 50ms within 200ms; last: connected False" in decision.why


def test_a_stop_from_outside_aborts_the_day_while_it_waits_for_a_person(tmp_path: Path) -> None:
    stop = Stop()

    class Silent(Handed):
        async def ask(self, stage: str, gate: ByApproval) -> Answer:
            stop.set("halted by Ada: enough")
            await asyncio.Event().wait()
            raise AssertionError

    run = Run.new("day", tmp_path / "runs")
    plan = planned(tmp_path / "r", TWO % (", goNoGo: [{type: approval}]", ""))
    day = asyncio.run(conduct(plan, run, Silent(tmp_path / "runs"), stop))
    assert (day.ended, day.why, day.not_run) == ("aborted", "halted by Ada: enough", ("d",))
    assert [each.by for each in day.stages[0].decisions] == ["switch"]


def test_a_day_is_refused_at_a_time_when_it_may_not_run(tmp_path: Path) -> None:
    spec = "  schedule: {cron: '0 9 * * *', blackouts: [{from: 2026-11-23, why: freeze}]}\n" + TWO % ("", "")
    plan = planned(tmp_path, spec)
    said = r"day: may not run now: 2026-11-23 is in the blackout 2026-11-23 \(freeze\); "
    said += "it runs by itself at 2026-11-24 09:00"
    with pytest.raises(NotNow, match=said):
        check_time(plan, moment(0))
    check_time(plan, moment(0), anytime=True)


def test_nothing_is_begun_any_more_when_the_time_is_over(tmp_path: Path) -> None:
    spec = "  schedule: {blackouts: [{from: 2000-01-01, until: 2999-12-31}]}\n" + TWO % ("", "")
    day, handed = conducted(tmp_path, spec)
    assert (day.ended, day.verdict, handed.began) == ("stopped", Verdict.INCONCLUSIVE, [])
    assert day.why.startswith("the time in which it may run is over: ")
    assert day.not_run == ("a", "b", "c", "d")


def test_the_journal_of_a_day_cut_short_is_the_day_as_far_as_it_got(tmp_path: Path) -> None:
    conducted(tmp_path, TWO % (GATE % "", ""))
    (folder,) = (tmp_path / "runs").glob("*-day-*")
    journal = record.journal_of(folder)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    for kept in range(1, len(lines)):
        journal.path.write_bytes(b"".join(lines[:kept]) + b'{"seq":')  # torn by a kill
        day = record.fold(Journal(journal.path).events())
        assert day.ended is None or kept == len(lines)
        assert {*day.not_run, *(each.experiment for each in day.ran)} == set("abcd")
        assert day.verdict is not Verdict.HELD
