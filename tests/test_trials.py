"""A run of several trials: its order, its one journal, what people read of it, and one for real."""

from dataclasses import replace
from pathlib import Path

import pytest

from chaos import api
from chaos.analysis import judge, series
from chaos.analysis.trials import shown
from chaos.events import Event, segments
from chaos.manifests.load import load
from chaos.planning.describe import describe
from chaos.planning.plan import Plan, plan
from chaos.report import html
from chaos.report.console import closing_lines, words
from chaos.runner.observer import RunObserver
from chaos.runs.directory import Run
from chaos.runs.journal import Journal
from chaos.verdict import Outcome, Verdict
from tests.flows.manifests import killed
from tests.journals.build import trials_deviated_in_one, trials_held


def a_plan(folder: Path, more: str, seed: int | None = 7) -> Plan:
    [loaded] = load(killed(folder, more=f"  {more}"))
    return plan(loaded, seed=seed)


def turns(asked: Plan) -> list[tuple[int, bool]]:
    return [(each.trial, each.withheld) for each in asked.segments()]


def test_without_trials_there_is_one_segment_as_ever(tmp_path: Path) -> None:
    asked = a_plan(tmp_path, "suspend: false")
    assert asked.segments() == [asked]
    assert asked.order()["seed"] == 7
    assert "times, each in a fresh sandbox" not in describe(asked)


def test_a_coin_for_each_pair_drawn_by_the_seed_says_which_of_the_two_is_first(tmp_path: Path) -> None:
    asked = a_plan(tmp_path, "trials: 20\n  control: true")
    pairs = [turns(asked)[index : index + 2] for index in range(0, 40, 2)]
    many = [turns(replace(asked, trials=100, seed=seed))[::2] for seed in range(40)]
    first = sum(withheld for each in many for _, withheld in each)
    assert abs(first - 2000) < 4 * 31.6
    odd = [sum(withheld for _, withheld in each) for each in many]
    assert max(odd) > 50 > min(odd)  # no half-and-half: what the test of pairs asks for is a coin
    assert all({one[1], other[1]} == {True, False} and one[0] == other[0] for one, other in pairs)
    assert turns(asked) == turns(a_plan(tmp_path, "trials: 20\n  control: true"))
    assert turns(asked) != turns(a_plan(tmp_path, "trials: 20\n  control: true", seed=8))
    assert "40 times, each in a fresh sandbox" in describe(asked)


def test_each_trial_draws_anew_and_its_control_draws_the_same(tmp_path: Path) -> None:
    orders = [each.order() for each in a_plan(tmp_path, "trials: 30\n  control: true").segments()]
    seeds = {(order["trial"], order["seed"]) for order in orders}
    assert len(seeds) == len({seed for _, seed in seeds}) == 30
    assert (1, 7) in seeds


def test_the_latest_facts_are_those_of_the_last_segment(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.ndjson")
    events = trials_held()
    journal.append_lines(b"".join(event.to_line() for event in events))
    last = segments(events)[-1]
    assert [(each.type, each.at) for each in journal.latest()] == [(each.type, each.at) for each in last]
    assert len(journal.latest("run.started")) == 1
    assert len(journal.of("run.started")) == 4


def test_a_line_of_the_app_that_quotes_a_journal_begins_no_segment(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.ndjson")
    quoted = Event("run.started", 1.0, {}).to_line().decode()
    for event in (Event("run.started", 0.0, {}), Event("log.captured", 1.0, {"line": quoted})):
        journal.append(event)
    assert [each.type for each in journal.latest()] == ["run.started", "log.captured"]


def test_a_person_is_told_which_trial_begins() -> None:
    started = [event for event in trials_held() if event.type == "run.started"]
    assert [words(event) for event in started] == [
        "1 of 2: trial",
        "1 of 2: control, no fault is injected",
        "2 of 2: control, no fault is injected",
        "2 of 2: trial",
    ]


def test_the_closing_lines_name_every_trial_and_the_numbers_over_them(tmp_path: Path) -> None:
    said = "\n".join(closing_lines(judge(trials_deviated_in_one()), tmp_path))
    assert "trial 1   held:" in said
    assert "trial 2   deviated:" in said
    assert (
        "over    p95 under fault: 330\u00a0ms (330\u00a0ms to 330\u00a0ms, covers 50\u00a0%); beside" in said
    )
    assert "shown   trial 2:" in said


def test_the_report_has_all_trials_and_charts_of_the_most_telling_one() -> None:
    events = trials_deviated_in_one()
    result = judge(events)
    page = html.render(result, series(shown(events, result)), shown(events, result)[0].data)
    assert "Over 2 trials and 2 controls" in page
    assert "Timeline of trial 2" in page
    assert "1 of 2" in page
    assert html.render(result.model_copy(update={"trials": None}), series(events)).count("Trial 1") == 0


@pytest.mark.e2e
def test_a_trial_and_its_control_for_real(tmp_path: Path) -> None:
    asked = a_plan(tmp_path, "control: true")
    heard: list[Event] = []
    observer = RunObserver(heard.append)
    result = api.run_sync(asked, tmp_path, observer=observer, publish=False)
    run = Run(result.run_id, tmp_path / result.run_id)
    assert result.verdict is Verdict.HELD, result.why
    assert result.trials is not None
    assert len([event for event in heard if event.type == "agent.started"]) == 2
    assert len(run.journal.of("run.started")) == len(run.journal.of("run.ended")) == 2
    assert len(run.journal.of("fault.withheld")) == len(run.journal.of("fault.injected")) == 1
    assert len({event.data["ref"]["id"] for event in run.journal.of("sandbox.opened")}) == 2
    recovery = next(each for each in result.trials.numbers if each.name == "recovery of “answers”")
    assert recovery.difference is not None
    assert (recovery.difference.median or 0) > 0.05


@pytest.mark.e2e
def test_a_wish_to_stop_between_two_trials_ends_the_series(tmp_path: Path) -> None:
    asked = a_plan(tmp_path, "trials: 3")
    observer = RunObserver()

    def stop_at_the_end(event: Event) -> None:
        if event.type == "agent.ended":
            observer.stop.set()

    observer.on_event = stop_at_the_end
    result = api.run_sync(asked, tmp_path, observer=observer, publish=False)
    run = Run(result.run_id, tmp_path / result.run_id)
    assert (result.outcome, result.verdict) == (Outcome.ABORTED, Verdict.INCONCLUSIVE)
    assert result.why.startswith("Trial 2 of 3: Interrupted, before anything was injected")
    assert result.trials is not None
    assert [each.outcome for each in result.trials.segments] == [Outcome.COMPLETED, Outcome.ABORTED]
    assert len(run.journal.of("run.ended")) == 2


@pytest.mark.e2e
def test_a_series_for_real_ends_when_it_is_decided(tmp_path: Path) -> None:
    """Nobody starts it again, so the first trial is a counterexample."""
    manifest = killed(tmp_path, restart="never", more="  trials: until decided (max 10)")
    result = api.run_sync(api.plan(manifest, seed=7), tmp_path / "runs", publish=False)
    run = Run(result.run_id, tmp_path / "runs" / result.run_id)
    assert (result.outcome, result.verdict) == (Outcome.COMPLETED, Verdict.DEVIATED), result.why
    assert result.why.startswith("“answers” deviated in 1 of 1 trial; in trial 1 of at most 10: ")
    assert len(run.journal.of("run.started")) == 1
