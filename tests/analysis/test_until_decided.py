"""A series until it is decided: when it ends, what its verdict is then, and that a cut one is none."""

from collections.abc import Sequence
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.analysis.judged import JudgedTrial
from chaos.analysis.judgement import judge_segment
from chaos.analysis.trials_verdict import decided
from chaos.events import Event
from chaos.verdict import Outcome, Verdict
from tests.journals import build
from tests.journals.telling import HEALTHY, Telling, in_a_row

BAD = [(3.0, 4.0)]
UNTIL = {"trials": 40, "until": "decided", "exclude": 0.1}


def segment(trial: int, bad: bool, asked: dict[str, Any], *, control: bool = False) -> list[Event]:
    about: dict[str, Any] = {"control": True, "slow": {}} if control else {}
    down = BAD if bad else ()
    return Telling(states=[HEALTHY], trial=trial, series=UNTIL | asked, down=down, **about).events()


def pairs(way: str, **asked: Any) -> list[list[Event]]:
    """Of each pair, which deviated: `T` the trial, `C` the control, `B` both, `-` none."""
    asked = {"control": True, **asked}
    runs = []
    for trial, which in enumerate(way, start=1):
        runs.append(segment(trial, which in "TB", asked))
        runs.append(segment(trial, which in "CB", asked, control=True))
    return runs


def singly(way: str, **asked: Any) -> list[list[Event]]:
    """Trials without controls."""
    asked = {"control": False, **asked}
    return [segment(trial, which == "T", asked) for trial, which in enumerate(way, start=1)]


def carried_out(runs: Sequence[list[Event]]) -> tuple[list[list[Event]], list[JudgedTrial]]:
    """As many as it takes."""
    judged: list[JudgedTrial] = []
    for index, run in enumerate(runs):
        judged.append(judge_segment(in_a_row(list(runs[: index + 1]))[-len(run) :]))
        if decided(judged):
            break
    return list(runs[: len(judged)]), judged


@pytest.mark.parametrize(
    ("way", "most", "ends_after", "verdict"),
    [
        ("T" * 10, 40, 5, "deviated"),
        ("TTTTCTTTTT", 40, 9, "deviated"),
        ("-T-T-T-T-T--", 40, 10, "deviated"),
        ("T" * 4, 4, 1, "inconclusive"),
        ("T---" + "-" * 8, 12, 9, "inconclusive"),
        ("T-" + "C" * 10, 12, 4, "inconclusive"),
        ("-" * 40, 40, 29, "held"),
        ("B" * 12, 12, 8, "inconclusive"),
    ],
)
def test_pairs_end_as_soon_as_they_are_decided(way: str, most: int, ends_after: int, verdict: str) -> None:
    runs, judged = carried_out(pairs(way, trials=most))
    result = judge(in_a_row(runs))
    assert (len(judged) // 2, str(result.verdict)) == (ends_after, verdict), result.why
    assert result.outcome is Outcome.COMPLETED


@pytest.mark.parametrize(
    ("way", "asked", "ends_after", "verdict"),
    [
        ("--T--", {}, 3, "deviated"),
        ("-" * 40, {}, 29, "held"),
        ("-" * 40, {"exclude": 0.2}, 14, "held"),
        ("-" * 5, {"trials": 5, "exclude": 0.46}, 5, "held"),
    ],
)
def test_trials_without_controls_end_with_the_first_counterexample(
    way: str, asked: dict[str, Any], ends_after: int, verdict: str
) -> None:
    runs, judged = carried_out(singly(way, **asked))
    result = judge(in_a_row(runs))
    assert (len(judged), str(result.verdict)) == (ends_after, verdict), result.why
    assert result.outcome is Outcome.COMPLETED


def test_one_that_ends_without_being_decided_is_a_crash() -> None:
    runs = pairs("TTTT")
    for count in range(1, 9):
        result = judge(in_a_row(runs[:count]))
        assert (result.outcome, result.verdict) == (Outcome.CRASHED, Verdict.INCONCLUSIVE), count
        assert f"stops after {count} of 80 trials and controls" in result.why


def test_it_says_how_likely_chance_is_over_all_of_its_looks() -> None:
    result = judge(in_a_row(carried_out(pairs("TTTTCTTTTT"))[0]))
    assert result.trials is not None
    [state] = result.trials.steady_state
    assert (state.pairs, state.only_trials, state.only_controls) == (9, 8, 1)
    # 5 of 5, and then 8 of 9 in one of four ways that were not five of five before.
    assert state.by_chance == pytest.approx(1 / 32 + 5 / 512, abs=1e-6)
    assert "in 8 of 9 trials" in result.why
    assert "by chance with 4.1 %" in result.why


def test_what_could_not_be_decided_says_what_was_left() -> None:
    result = judge(in_a_row(carried_out(pairs("T" + "-" * 11, trials=12))[0]))
    assert "(3 more pairs could not show it either)" in result.why
    assert "in trial 1 of at most 12: " in result.why


def test_an_unsteady_baseline_is_one_trial_more() -> None:
    runs = singly("-" * 30)
    plan = runs[3][0].data["plan"]
    runs[3] = [
        Event(e.type, e.at, {**e.data, "plan": plan}, e.source, e.seq) if e.type == "run.started" else e
        for e in build.baseline_off()
    ]
    kept, _ = carried_out(runs)
    result = judge(in_a_row(kept))
    assert (len(kept), result.verdict) == (30, Verdict.HELD), result.why
    assert "Held in 29 of 29 trials (1 more whose baseline was not steady say nothing)" in result.why


def test_a_trial_that_tells_nothing_forbids_to_hold_and_not_to_deviate() -> None:
    runs = singly("-" * 12 + "T", trials=13, exclude=0.25)
    plan = runs[3][0].data["plan"]
    runs[3] = [
        Event(e.type, e.at, {**e.data, "plan": plan}, e.source, e.seq) if e.type == "run.started" else e
        for e in build.fault_did_not_land()
    ]
    kept, _ = carried_out(runs)
    assert (len(kept), judge(in_a_row(kept)).verdict) == (13, Verdict.DEVIATED)
    assert judge(in_a_row(runs[:12])).outcome is Outcome.CRASHED
