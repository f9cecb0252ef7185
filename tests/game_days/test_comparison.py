"""A day beside the last one of its name."""

from datetime import timedelta
from pathlib import Path

from chaos.analysis.result import Result
from chaos.game_days.comparison import RECORD, compare, earlier
from chaos.game_days.day import StageRecord
from chaos.game_days.learnt import DayComparison, DayReport
from chaos.game_days.summing_up import summed_up
from chaos.verdict import Verdict
from tests.game_days.a_day import RUN_ID, START, day, ran, report, result, results, run_id


def kept(out: Path, name: str, found: DayReport) -> None:
    folder = out / name
    folder.mkdir()
    (folder / RECORD).write_text(found.model_dump_json())


def a_week_before(**verdicts: Verdict) -> tuple[DayReport, dict[str, Result]]:
    """A day of these experiments, with results."""
    runs = tuple(ran(name, verdict, 0, 101) for name, verdict in verdicts.items())
    found = {run_id(name): result(name, verdict, 0) for name, verdict in verdicts.items()}
    made = day(
        run_id="20261116-090000-payments-ffffff",
        started_at=START - timedelta(days=7),
        stages=(StageRecord(name="all", started_at=START, ran=runs),),
        not_run=(),
        weights={},
    )
    return summed_up(made, found, {}), found


def compared(**verdicts: Verdict) -> DayComparison:
    then, found = a_week_before(**verdicts)
    return compare(report(), then, results(), found)


def test_the_newest_of_that_name_that_proved_anything(tmp_path: Path) -> None:
    then, _ = a_week_before(network=Verdict.HELD)
    nothing, _ = a_week_before(network=Verdict.INCONCLUSIVE)
    kept(tmp_path, "20261102-090000-payments-000001", then.model_copy(update={"run_id": "older"}))
    kept(tmp_path, "20261109-090000-payments-000002", then)
    kept(tmp_path, "20261116-090000-payments-000003", nothing)
    kept(tmp_path, "20261117-090000-other-000004", then.model_copy(update={"game_day": "other"}))
    kept(tmp_path, "20261201-090000-payments-000005", then.model_copy(update={"run_id": "later"}))
    (tmp_path / "20261118-090000-payments-000006").mkdir()
    (tmp_path / "20261118-090000-payments-000006" / RECORD).write_text('{"half": ')
    folder = tmp_path / RUN_ID
    folder.mkdir()

    found = earlier(folder, "payments")

    assert found is not None
    assert found[0].name == "20261109-090000-payments-000002"
    assert found[1] == then


def test_none_is_none(tmp_path: Path) -> None:
    (tmp_path / RUN_ID).mkdir()
    assert earlier(tmp_path / RUN_ID, "payments") is None
    assert earlier(tmp_path, "payments") is None


def test_what_changed_is_said_and_what_did_not_is_not() -> None:
    found = compared(network=Verdict.HELD, memory=Verdict.DEVIATED, disk=Verdict.HELD, dns=Verdict.HELD)
    rows = {row.experiment: (row.now, row.then) for row in found.experiments}
    assert rows == {
        "memory": (Verdict.HELD, Verdict.DEVIATED),
        "disk": (Verdict.DEVIATED, Verdict.HELD),
        "kill": (Verdict.INCONCLUSIVE, None),
        "dns": (None, Verdict.HELD),
    }
    assert found.told == (
        "Compared with the day of 2026-11-16 09:00 UTC: score 35 with 57 % proven, then 81 with 100 %; "
        "“disk” deviated and did not then; “memory” held and did not then; “dns” proved nothing now."
    )


def test_numbers_that_intervals_tell_apart_are_said_of_experiments_that_ran_on_both() -> None:
    then, found = a_week_before(network=Verdict.HELD)
    slow = found[run_id("network")]
    fault = slow.load["fault"].model_copy(update={"errors": 20, "error_rate": 0.5})
    found[run_id("network")] = slow.model_copy(update={"load": {**slow.load, "fault": fault}})

    (row,) = [
        each for each in compare(report(), then, results(), found).experiments if each.experiment == "network"
    ]

    assert row.now is row.then is Verdict.HELD
    assert any("of the requests failed under the fault, then 50 %" in change for change in row.changes)
    assert not any("held now" in change for change in row.changes)


def test_another_version_of_the_day_is_said() -> None:
    then, found = a_week_before(network=Verdict.HELD)
    other = compare(report(), then.model_copy(update={"digest": "sha256:else"}), results(), found)
    assert not other.same_digest
    assert "another version of the day" in other.told
