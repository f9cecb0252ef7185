"""Trials against controls in pairs: the exact test, and that of a series that ends when it is decided."""

from itertools import product
from random import Random

import pytest

from chaos.analysis.pairs import can_decide, fewest, in_turn, mcnemar, stages

LEVELS = [0.5, 0.2, 0.05, 0.025, 0.0125, 0.01, 0.001]


def test_a_pair_that_differs_is_a_fair_coin() -> None:
    assert mcnemar(5, 0) == pytest.approx(1 / 32)
    assert mcnemar(4, 1) == pytest.approx(6 / 32)
    assert mcnemar(0, 0) == 1.0


def wrong(significance: float, most: int) -> float:
    """How often a fair coin is decided, over all of its ways."""
    return sum(in_turn(way, significance, most)[0] for way in product((False, True), repeat=most)) / 2**most


@pytest.mark.parametrize("significance", LEVELS)
def test_however_often_it_is_looked_a_fair_coin_is_decided_as_rarely_as_promised(significance: float) -> None:
    assert wrong(significance, 14) <= significance


@pytest.mark.parametrize("significance", LEVELS)
def test_in_a_hundred_pairs_neither(significance: float) -> None:
    spent = stages(significance, 100)[-1]
    assert spent.before + sum(spent.open[spent.decides :]) <= significance + 1e-9
    dice = Random(f"pairs {significance}")
    alarms = sum(
        in_turn([dice.random() < 0.5 for _ in range(100)], significance, 100)[0] for _ in range(2000)
    )
    assert alarms / 2000 <= significance + 4 * (significance * (1 - significance) / 2000) ** 0.5


@pytest.mark.parametrize("significance", LEVELS)
def test_its_chance_is_at_most_the_significance_just_when_it_decides(significance: float) -> None:
    dice = Random(3)
    for _ in range(500):
        way = [dice.random() < 0.8 for _ in range(dice.randint(1, 40))]
        found, chance = in_turn(way, significance, 40)
        assert found is (chance <= significance + 1e-9), way


def test_its_chance_is_uniform_at_least() -> None:
    """Of a fair coin no chance is met more often than it says."""
    ways = [in_turn(way, 0.05, 12)[1] for way in product((False, True), repeat=12)]
    for chance in (0.01, 0.03125, 0.05, 0.2, 0.5):
        assert sum(each <= chance + 1e-12 for each in ways) / 2**12 <= chance


def test_the_first_stages_are_those_of_no_control() -> None:
    least = [index for index, each in enumerate(stages(0.05, 20), 1) if each.decides <= index]
    assert least[0] == fewest(0.05) == 5
    assert [fewest(0.05 / states) for states in (1, 2, 4)] == [5, 6, 7]
    assert stages(0.05, 9)[-1].decides == 8


def test_more_pairs_never_decide_less() -> None:
    assert [each.decides for each in stages(0.05, 40)[:20]] == [each.decides for each in stages(0.05, 20)]


def test_what_is_out_of_reach_is_given_up() -> None:
    assert can_decide([False] * 3, 14, 0.05, 40)
    assert not can_decide([False] * 3, 13, 0.05, 40)
    assert not can_decide([False] * 3, 4, 0.05, 40)
    assert not can_decide([], 4, 0.05, 40)
    assert can_decide([], 5, 0.05, 40)
