"""The intervals keep their promise: simulated with a fixed seed, against distributions of every shape."""

import math
from collections.abc import Callable
from random import Random

import pytest

from chaos.analysis.intervals import by_chance, failures_left, median_interval
from chaos.faults.support.fidelity import share_interval

ROUNDS = 4000
Draw = Callable[[Random], float]

SHAPES: dict[str, tuple[Draw, float]] = {
    "exponential": (lambda dice: dice.expovariate(1.0), math.log(2)),
    "heavy tail": (lambda dice: dice.paretovariate(1.1), 2 ** (1 / 1.1)),
    "never in four of ten": (lambda dice: math.inf if dice.random() < 0.4 else dice.random(), 5 / 6),
}


def margin(coverage: float) -> float:
    """Four standard errors of a simulated coverage."""
    return 4 * math.sqrt(coverage * (1 - coverage) / ROUNDS) + 1e-9


@pytest.mark.parametrize("count", [2, 3, 5, 6, 10, 20, 51])
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_a_median_interval_covers_as_often_as_it_says(shape: str, count: int) -> None:
    draw, truth = SHAPES[shape]
    dice = Random(f"{shape} {count}")
    found = [median_interval([draw(dice) for _ in range(count)]) for _ in range(ROUNDS)]
    seen = sum(each.low <= truth <= each.high for each in found) / ROUNDS
    assert abs(seen - found[0].coverage) < margin(found[0].coverage)
    assert found[0].coverage >= 0.95 or count < 6


def test_ties_cover_more_often_never_less() -> None:
    dice = Random(3)
    found = [median_interval([float(dice.randint(0, 2)) for _ in range(10)]) for _ in range(ROUNDS)]
    assert sum(each.low <= 1.0 <= each.high for each in found) / ROUNDS >= found[0].coverage


@pytest.mark.parametrize(
    ("values", "low", "high", "coverage"),
    [
        ([3.0], 3.0, 3.0, 0.0),
        ([1.0, 2.0, 9.0], 1.0, 9.0, 0.75),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 1.0, 5.0, 1 - 2**-4),
        ([float(value) for value in range(10)], 1.0, 8.0, 1 - 2 * 11 / 1024),
    ],
)
def test_known_intervals(values: list[float], low: float, high: float, coverage: float) -> None:
    found = median_interval(values)
    assert (found.low, found.high, round(found.coverage, 9)) == (low, high, round(coverage, 9))


@pytest.mark.parametrize("drift", [0.0, 5.0])
def test_paired_differences_cover_whatever_both_share(drift: float) -> None:
    """A neighbour slows a trial and its control alike; the fault adds 0.3."""
    dice, hits = Random(11), 0
    for _ in range(ROUNDS):
        shared = [drift * dice.random() for _ in range(6)]
        differences = [(0.3 + dice.gauss(0, 0.1) + each) - (dice.gauss(0, 0.1) + each) for each in shared]
        found = median_interval(differences)
        hits += found.low <= 0.3 <= found.high
    assert abs(hits / ROUNDS - 0.96875) < margin(0.96875)


@pytest.mark.parametrize("successes", [1, 3, 10, 30, 100])
def test_what_n_successes_leave_open_is_exact(successes: int) -> None:
    left = failures_left(successes)
    assert (1 - left) ** successes == pytest.approx(0.05)
    dice = Random(successes)
    lucky = sum(all(dice.random() >= left for _ in range(successes)) for _ in range(ROUNDS)) / ROUNDS
    assert abs(lucky - 0.05) < margin(0.05)


def test_the_rule_of_three() -> None:
    assert failures_left(100) == pytest.approx(3 / 100, rel=0.02)
    assert failures_left(0) == 1.0


@pytest.mark.parametrize(("count", "truth"), [(5, 0.2), (20, 0.1), (100, 0.05), (100, 0.5)])
def test_the_share_of_trials_is_covered_about_as_often_as_promised(count: int, truth: float) -> None:
    """Wilson's interval covers 95 % on average; for one truth it may be somewhat more or less."""
    dice = Random(f"{count} {truth}")
    hits = 0
    for _ in range(ROUNDS):
        _, low, high = share_interval(sum(dice.random() < truth for _ in range(count)), count)
        hits += low <= truth <= high
    assert 0.925 <= hits / ROUNDS <= 0.995


def test_by_chance_is_fishers_exact_test() -> None:
    """The lady tasting tea: 4 of 4 right is 1 in 70."""
    assert by_chance(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert by_chance(3, 4, 1, 4) == pytest.approx(17 / 70)
    assert by_chance(0, 3, 2, 3) == 1.0


def test_by_chance_cries_wolf_no_more_often_than_allowed() -> None:
    dice = Random(5)
    alarms = 0
    for _ in range(ROUNDS):
        trials, controls = (sum(dice.random() < 0.3 for _ in range(12)) for _ in range(2))
        alarms += by_chance(trials, 12, controls, 12) <= 0.05
    assert alarms / ROUNDS <= 0.05
