"""Recovery time on literal looks: every 100 ms, answered 10 ms later, from the end of the fault at 0 s."""

import pytest

from chaos.analysis.recovery import JudgedSample, Recovery, recovery

EVERY = 0.1


def looks(pattern: str, *, every: float = EVERY, took: float = 0.01) -> list[JudgedSample]:
    """`+` is a good look, `-` a bad one."""
    return [JudgedSample(round(i * every, 6), took, mark == "+") for i, mark in enumerate(pattern)]


def judged(pattern: str, *, window: float = 0.0, every: float = EVERY, budget: float = 0.0) -> Recovery:
    return recovery(looks(pattern, every=every), 0.0, len(pattern) * every, every, window, budget=budget)


def test_never_bad_is_zero_and_known_to_one_interval() -> None:
    assert judged("+" * 30) == Recovery(0.0, EVERY)


def test_the_first_good_look_of_the_last_streak_counts_when_its_answer_is_there() -> None:
    back = judged("-----" + "+" * 25)
    assert back.seconds == pytest.approx(0.51)
    assert back.resolution_s == pytest.approx(0.11)
    assert back.lower_s == pytest.approx(0.4)
    assert back.relapses == 0


def test_what_is_good_for_less_than_the_stable_window_is_not_back_yet() -> None:
    back = judged("--" + "+" * 5 + "--" + "+" * 21)
    assert back.seconds == pytest.approx(0.91)
    assert back.relapses == 0


def test_recovery_is_the_first_stable_moment_and_what_comes_later_is_a_relapse() -> None:
    back = judged("--" + "+" * 15 + "--" + "+" * 11 + "-" + "+" * 3)
    assert back.seconds == pytest.approx(0.21)
    assert (back.relapses, back.longest) == (2, 2)


def test_with_a_budget_what_goes_with_it_is_stable() -> None:
    pattern = "----" + "+++++-++++" * 3
    assert judged(pattern).seconds is None
    back = judged(pattern, budget=0.1)
    assert back.seconds == pytest.approx(0.41)
    assert judged("----" + "+++-+--+++" * 3, budget=0.02).seconds is None


def test_the_number_does_not_grow_with_the_time_looked() -> None:
    for seconds in (4, 10, 30):
        count = seconds * 10
        back = judged("-----" + "+" * (count - 10) + "-" + "+" * 4)
        assert back.seconds == pytest.approx(0.51)


def test_bad_to_the_end_after_a_good_while_is_not_back() -> None:
    back = judged("--" + "+" * 15 + "-" * 13)
    assert back.seconds is None
    assert back.bad_since == pytest.approx(1.7)
    assert back.relapses == 1


def test_answers_that_all_came_late_leave_open_when_it_was_back() -> None:
    """A hang of 0.9 s: every look of it is answered, and good, at its end."""
    hung = [JudgedSample(i * EVERY, 0.9 - i * EVERY, True) for i in range(9)]
    back = recovery(
        [*hung, *(JudgedSample(0.9 + i * EVERY, 0.01, True) for i in range(20))], 0.0, 2.9, EVERY, 0.0
    )
    assert back.seconds == pytest.approx(0.9)
    assert back.resolution_s == pytest.approx(0.9)


def test_an_app_that_is_always_slow_was_not_hung() -> None:
    slow = [JudgedSample(i * EVERY, 0.4, True) for i in range(30)]
    assert recovery(slow, 0.0, 3.0, EVERY, 0.0, usual_s=0.4) == Recovery(0.0, EVERY)


def test_what_was_good_before_the_first_bad_look_is_no_relapse() -> None:
    assert judged("+++---" + "+" * 24).relapses == 0


def test_bad_to_the_end_never_recovers() -> None:
    back = judged("+" * 5 + "-" * 25)
    assert back.seconds is None
    assert back.lower_s == pytest.approx(2.9)


def test_good_for_less_than_the_stable_window_is_not_yet_recovered() -> None:
    assert judged("-" * 22 + "+" * 8).seconds is None


def test_half_of_a_short_rest_is_stable_enough() -> None:
    assert judged("-" + "+" * 9).seconds == pytest.approx(0.11)


def test_fewer_than_three_looks_are_never_stable() -> None:
    assert judged("++", every=1.0).seconds is None
    assert judged("-++", every=1.0).seconds is None


def test_a_metric_remembers_its_window() -> None:
    assert judged("-----" + "+" * 25, window=1.0).resolution_s == pytest.approx(1.11)


def test_a_slow_bad_look_widens_the_resolution_and_not_the_time() -> None:
    hanging = [JudgedSample(0.0, 1.0, False), *(JudgedSample(1.0 + i * EVERY, 0.01, True) for i in range(20))]
    back = recovery(hanging, 0.0, 3.0, EVERY, 0.0)
    assert back.seconds == pytest.approx(1.01)
    assert back.resolution_s == pytest.approx(1.01)
