"""Several trials: which verdict they have together, and that nothing makes a series `held` that proves nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.analysis.trials import shown
from chaos.events import Event
from chaos.verdict import Outcome, Verdict
from tests.journals import build
from tests.journals.build import NO_FAULT, PAIR, trials_deviated_in_one, trials_held
from tests.journals.telling import FAST, HEALTHY, Telling, changed, drop, in_a_row

BAD = [(3.0, 4.0)]

PROVES_NOTHING: dict[str, Callable[[], list[Event]]] = {
    story.__name__: story
    for story in (
        build.baseline_off,
        build.baseline_off_but_the_agent_went_on,
        build.injection_refused,
        build.fault_did_not_land,
        build.fault_without_samples,
        build.fault_cancelled_early,
        build.fault_failed_while_held,
        build.no_samples,
        build.too_few_samples,
        build.a_hole_in_the_samples,
        build.generator_sends_bursts,
        build.clock_jumped_forward,
        build.clock_jumped_back,
        build.residue,
        build.interrupted,
        build.agent_killed,
        build.controller_lost,
        build.still_running,
    )
}


def as_trial(
    events: list[Event], trial: int, series: Mapping[str, Any], control: bool = False
) -> list[Event]:
    plan = events[0].data["plan"] | {"trial": trial, "control": control, "series": series}
    return changed(events, "run.started", plan=plan)


def series(runs: list[list[Event]]) -> list[Event]:
    """Trials without controls, in order."""
    asked = {"trials": len(runs), "control": False}
    return in_a_row([as_trial(run, number, asked) for number, run in enumerate(runs, start=1)])


def told(trials: int, bad_trials: int, bad_controls: int, **about: Any) -> list[Event]:
    """So many trials, each with its control; the first ones of each deviate."""
    asked = {"trials": trials, "control": True, **about.pop("asked", {})}
    runs = []
    for trial in range(1, trials + 1):
        own = Telling(
            states=[HEALTHY], trial=trial, series=asked, down=BAD if trial <= bad_trials else (), **about
        )
        beside = Telling(
            states=[HEALTHY],
            trial=trial,
            **NO_FAULT | {"series": asked},
            down=BAD if trial <= bad_controls else (),
        )
        runs += [own.events(), beside.events()]
    return in_a_row(runs)


@pytest.mark.parametrize("name", sorted(PROVES_NOTHING))
@pytest.mark.parametrize("place", [0, 1])
def test_one_trial_that_proves_nothing_is_enough(name: str, place: int) -> None:
    runs = [Telling().events(), Telling().events()]
    runs[place] = PROVES_NOTHING[name]()
    result = judge(series(runs))
    assert result.verdict is Verdict.INCONCLUSIVE, result.why
    assert result.exit_code != 0


@pytest.mark.parametrize(
    "lost", ["fault.withheld", "agent.ended", "baseline.judged", "probe.sampled", "usage.sampled"]
)
def test_a_control_that_lost_what_it_stands_for_holds_nothing(lost: str) -> None:
    parts = [
        Telling(series=PAIR),
        Telling(**NO_FAULT),
        Telling(series=PAIR, trial=2),
        Telling(**NO_FAULT, trial=2),
    ]
    runs = [part.events() for part in parts]
    runs[1] = drop(runs[1], lambda each: each.type == lost)
    assert judge(in_a_row(runs)).verdict is Verdict.INCONCLUSIVE


def test_a_control_into_which_a_fault_was_injected_is_none() -> None:
    injected = as_trial(Telling(series=PAIR).events(), 1, {"trials": 1, "control": True}, control=True)
    trial = as_trial(Telling().events(), 1, {"trials": 1, "control": True})
    result = judge(in_a_row([trial, injected]))
    assert (result.verdict, result.outcome) == (Verdict.INCONCLUSIVE, Outcome.COMPLETED)


def test_no_prefix_of_a_held_series_is_held() -> None:
    events = trials_held()
    end = max(index for index, each in enumerate(events) if each.type == "agent.ended")
    starts = [index for index, each in enumerate(events) if each.type == "run.started"]
    for length in sorted({*range(0, end, 41), *starts, *(start + 1 for start in starts), end}):
        assert judge(events[:length]).verdict is not Verdict.HELD, length
    assert judge(events[: end + 1]).verdict is Verdict.HELD


def test_held_says_what_so_many_trials_leave_open() -> None:
    result = judge(trials_held())
    assert result.trials is not None
    assert result.trials.failures_left == pytest.approx(1 - 0.05 ** (1 / 2), abs=1e-4)
    assert [(each.trial, each.control) for each in result.trials.segments] == [
        (1, False), (1, True), (2, True), (2, False),
    ]  # fmt: skip
    assert result.timings.declared_s == 40.0


def test_the_rest_of_the_result_is_about_the_most_telling_trial() -> None:
    events = trials_deviated_in_one()
    result = judge(events)
    assert result.trials is not None
    assert result.trials.shown == 3
    assert [step.landed for step in result.steps] == [True]
    assert result.steady_state[0].verdict is Verdict.DEVIATED
    assert shown(events, result)[0].data["plan"]["trial"] == 2
    assert result.started_at < result.phases[0].started_at


@pytest.mark.parametrize(
    ("trials", "bad_trials", "bad_controls", "verdict"),
    [
        (1, 1, 0, "inconclusive"),
        (3, 1, 0, "inconclusive"),
        (3, 2, 0, "inconclusive"),
        (3, 3, 0, "inconclusive"),
        (4, 4, 0, "inconclusive"),
        (5, 5, 0, "deviated"),
        (6, 4, 0, "inconclusive"),
        (6, 5, 0, "deviated"),
        (3, 3, 1, "inconclusive"),
        (3, 3, 3, "inconclusive"),
        (3, 0, 1, "inconclusive"),
        (6, 6, 1, "deviated"),
        (6, 3, 1, "inconclusive"),
    ],
)
def test_what_happens_without_the_fault_too_is_not_the_faults(
    trials: int, bad_trials: int, bad_controls: int, verdict: str
) -> None:
    result = judge(told(trials, bad_trials, bad_controls))
    assert result.verdict == verdict, result.why
    assert result.outcome is Outcome.COMPLETED


def test_a_trial_that_deviated_though_its_fault_did_not_land_says_nothing() -> None:
    assert judge(told(2, 2, 0, delivered_ms=650.0)).verdict is Verdict.INCONCLUSIVE


def test_a_steady_state_that_controls_spoil_does_not_hide_another() -> None:
    asked = {"trials": 6, "control": True}
    states = [HEALTHY, FAST]
    runs = []
    for number in range(1, 7):
        trial = Telling(states=states, trial=number, series=asked, down=BAD, slow={(2.1, 6.1): 1.4})
        control = Telling(states=states, trial=number, **NO_FAULT | {"series": asked}, down=BAD)
        runs += [trial.events(), control.events()]
    result = judge(in_a_row(runs))
    assert result.verdict is Verdict.DEVIATED
    assert result.why.startswith("“fast” deviated in 6 of 6 trials")
    assert "by chance with 1.6 %" in result.why


def test_a_counterexample_that_chance_explains_stays_a_finding() -> None:
    result = judge(told(10, 1, 0))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "deviated in 1 of 10 trials and in 0 of 10 controls: chance alone" in result.why
    assert result.steady_state[0].verdict is Verdict.DEVIATED
    assert [finding.verdict for finding in result.findings if finding.name == "healthy"] == ["deviated"]


def test_by_the_rules_of_before_no_control_that_deviated_was_proof_enough() -> None:
    assert judge(told(10, 1, 0), rules=1).verdict is Verdict.DEVIATED


@pytest.mark.parametrize(("unsteady", "verdict"), [(1, "held"), (3, "inconclusive")])
def test_a_few_baselines_that_were_not_steady_spoil_no_series(unsteady: int, verdict: str) -> None:
    runs = [build.baseline_off() if number < unsteady else Telling().events() for number in range(6)]
    result = judge(series(runs))
    assert result.verdict == verdict, result.why
    if verdict == "held":
        assert "Held in 5 of 5 trials (1 more whose baseline was not steady say nothing)" in result.why
        assert result.trials is not None
        assert result.trials.failures_left == pytest.approx(1 - 0.05 ** (1 / 5), abs=1e-4)


def test_trials_without_controls_share_what_may_go_wrong() -> None:
    """4 of 20 looks where 5 % may be bad: by chance with 1.6 %, of one trial of a hundred that is no news."""
    state = HEALTHY | {"budget": 0.05}
    bad = [(3.0 + each, 3.1 + each) for each in (0.0, 0.6, 1.2, 1.8)]
    one = Telling(states=[state], down=bad).events()
    assert judge(one).verdict is Verdict.DEVIATED
    runs = [Telling(states=[state], down=bad if number == 0 else ()).events() for number in range(10)]
    assert judge(series(runs)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("story", "outcome"),
    [
        (build.interrupted, Outcome.ABORTED),
        (build.stop_condition, Outcome.ABORTED),
        (build.agent_killed, Outcome.CRASHED),
        (build.injection_refused, Outcome.NOT_INJECTED),
        (build.baseline_off, Outcome.COMPLETED),
    ],
)
def test_what_ends_a_trial_is_the_outcome_of_all(story: Callable[[], list[Event]], outcome: Outcome) -> None:
    result = judge(series([Telling().events(), story()]))
    assert (result.outcome, result.verdict) == (outcome, Verdict.INCONCLUSIVE)
    assert result.why.startswith("Trial 2 of 2: ")


def test_a_counterexample_outlives_the_crash_of_a_later_trial() -> None:
    result = judge(series([build.deviated_during_the_fault(), build.agent_killed()]))
    assert (result.outcome, result.verdict, result.exit_code) == (Outcome.CRASHED, Verdict.DEVIATED, 5)


def test_a_series_cut_off_between_two_trials_is_a_crash() -> None:
    result = judge(series([Telling().events(), Telling().events()])[: len(Telling().events())])
    assert (result.outcome, result.verdict) == (Outcome.CRASHED, Verdict.INCONCLUSIVE)
    assert "stops after 1 of 2" in result.why


def test_all_baselines_unsteady_is_not_injected() -> None:
    result = judge(series([build.baseline_off(), build.baseline_off()]))
    assert (result.outcome, result.exit_code) == (Outcome.NOT_INJECTED, 3)


def test_numbers_over_trials_are_medians_beside_their_controls() -> None:
    asked = {"trials": 3, "control": True}
    runs = []
    for trial, slow in enumerate((0.30, 0.36, 0.33), start=1):
        runs.append(Telling(trial=trial, series=asked, slow={(2.1, 6.1): slow}).events())
        runs.append(Telling(trial=trial, **NO_FAULT | {"series": asked}).events())
    result = judge(in_a_row(runs))
    assert result.trials is not None
    p95 = next(number for number in result.trials.numbers if number.name == "p95 under fault")
    assert p95.values == [0.30, 0.36, 0.33]
    assert (p95.trials.median, p95.trials.low, p95.trials.high, p95.trials.coverage) == (
        0.33,
        0.30,
        0.36,
        0.75,
    )
    assert p95.difference is not None
    assert (p95.difference.median, p95.difference.count) == (0.318, 3)
    assert type(result).model_validate_json(result.model_dump_json()) == result


def test_a_recovery_that_never_came_is_later_than_all_others() -> None:
    downs = [(3.0, 6.5), (3.0, 20.0), (3.0, 6.9)]
    result = judge(series([Telling(down=[down]).events() for down in downs]))
    assert result.trials is not None
    back = next(number for number in result.trials.numbers if number.name == "recovery of “healthy”")
    assert back.values[1] is None
    assert back.trials.median == back.values[2]
    assert (back.trials.high, back.trials.coverage) == (None, 0.75)
    # Back for sure at 0.504 s; the last bad look was 209 ms before that.
    assert (back.values[0], back.trials.low) == (0.504, 0.295)
