"""What a day took beside its runs."""

from chaos.game_days.day import DayDecision, StageRecord
from chaos.game_days.timings import timings
from chaos.verdict import Verdict
from tests.game_days.a_day import START, day, moment, ran, result, run_id


def test_beside_each_run_and_for_decisions() -> None:
    own = result("network", Verdict.HELD, 2).timings.total_s
    runs = tuple(
        ran(name, Verdict.HELD, 2, own + beside) for name, beside in (("a", 0.5), ("b", 1.0), ("c", 4.0))
    )
    gates = (
        DayDecision(go=True, by="verdicts", why="", at=moment(200)),
        DayDecision(go=True, by="approval", why="", at=moment(230)),
    )
    stages = (StageRecord(name="all", started_at=START, ended_at=moment(200), ran=runs, decisions=gates),)
    found = timings(
        day(stages=stages), {run_id(name): result(name, Verdict.HELD, 2) for name in ("a", "b", "c")}
    )
    assert (found.decisions_s, found.around_run_s, found.around_run_most_s) == (30.0, 1.0, 4.0)


def test_of_a_day_whose_runs_left_nothing_nothing_is_known() -> None:
    found = timings(day(), {})
    assert (found.around_run_s, found.around_run_most_s) == (None, None)
