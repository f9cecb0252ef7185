"""The intervals against published tables and worked examples."""

import random
from random import Random

import pytest

from chaos.faults.support.fidelity import (
    independent_of,
    mean_interval,
    median_interval,
    percentile,
    share_interval,
    student_quantile,
)


@pytest.mark.parametrize(("share", "value"), [(0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.95, 3.85), (1, 4.0)])
def test_percentile_interpolates_like_type_7(share: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == pytest.approx(value)


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Ranks of the 95 % interval of a median, as tabulated in Conover and in Hollander & Wolfe.
    [(6, 1, 6), (9, 2, 8), (10, 2, 9), (15, 4, 12), (20, 6, 15), (25, 8, 18), (50, 18, 33), (100, 40, 61)],
)
def test_median_ranks_are_the_tabulated_ones(count: int, low: int, high: int) -> None:
    ranks = [float(rank) for rank in range(1, count + 1)]
    values = [
        ranks[at // 2 if at % 2 == 0 else -1 - at // 2] for at in range(count)
    ]  # none is like the one before
    assert median_interval(values)[:3] == ((count + 1) / 2, low, high)


@pytest.mark.parametrize("count", range(1, 6))
def test_five_values_are_too_few_for_a_median_interval(count: int) -> None:
    assert median_interval([7.0] * count) == (7.0, None, None, count)


def test_median_interval_covers_what_it_says() -> None:
    draws = random.Random(5)
    covered = 0
    for _ in range(2000):
        _, low, high, _ = median_interval([draws.expovariate(1.0) for _ in range(31)])
        assert low is not None
        assert high is not None
        covered += low <= 0.6931 <= high
    assert 0.94 < covered / 2000 < 0.99


def test_median_interval_of_many_values_is_cheap_and_tight() -> None:
    values = [float(n) for n in range(10_001)]
    Random(1).shuffle(values)
    assert median_interval(values)[:3] == (5000.0, 4901.0, 5099.0)


def test_values_that_are_like_those_before_them_tell_less() -> None:
    random, values = Random(1), [0.0]
    for _ in range(199):
        values.append(0.8 * values[-1] + random.gauss(0, 1))
    assert 10 < independent_of(values) < 40
    assert independent_of([random.gauss(0, 1) for _ in range(200)]) > 150
    _, low, high, _ = median_interval(values)
    shuffled = sorted(values, key=lambda _: random.random())
    _, nearer, closer, _ = median_interval(shuffled)
    assert low is not None
    assert high is not None
    assert nearer is not None
    assert closer is not None
    assert high - low > 1.5 * (closer - nearer)


@pytest.mark.parametrize(
    ("freedom", "value"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (9, 2.262), (10, 2.228), (30, 2.042), (120, 1.980)],
)
def test_student_quantiles_are_the_tabulated_ones(freedom: int, value: float) -> None:
    assert student_quantile(freedom) == pytest.approx(value, abs=0.0005)


def test_mean_interval_of_a_worked_example() -> None:
    mean, low, high, _ = mean_interval([9.0, 10.0, 11.0])
    assert (mean, low, high) == pytest.approx((10.0, 10 - 2.4841, 10 + 2.4841), abs=1e-3)
    assert mean_interval([3.0]) == (3.0, None, None, 1)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_share_interval_is_newcombes(hits: int, count: int, low: float, high: float) -> None:
    share, below, above = share_interval(hits, count)
    assert share == hits / count
    assert (below, above) == pytest.approx((low, high), abs=5e-5)


def test_share_of_nothing_is_unknown() -> None:
    assert share_interval(0, 0) == (0.0, 0.0, 1.0)
