"""Moments drawn from a seed: the same ones again, as many as asked for, in step with nothing."""

from itertools import islice, pairwise
from math import cos, hypot, log, pi, sin

import pytest

from chaos.statistics.point_process import moments, of_a_probe, of_the_load, until

PROCESSES = ("poisson", "random", "uniform")


@pytest.mark.parametrize("process", PROCESSES)
def test_the_same_seed_draws_the_same_moments_ascending(process: str) -> None:
    drawn = list(islice(moments(process, 0.1, "1"), 500))
    assert drawn == list(islice(moments(process, 0.1, "1"), 500))
    assert all(0 <= earlier < later for earlier, later in pairwise(drawn))


@pytest.mark.parametrize("process", ["poisson", "random"])
def test_another_seed_draws_others_and_so_does_another_probe(process: str) -> None:
    assert next(of_a_probe(process, 1.0, 1, "a")) != next(of_a_probe(process, 1.0, 2, "a"))
    assert next(of_a_probe(process, 1.0, 1, "a")) != next(of_a_probe(process, 1.0, 1, "b"))


def strength(times: list[float], period: float) -> float:
    """How much they are in step with a period: 1 fully, some 1/sqrt(n) by chance (the Rayleigh statistic)."""
    turns = [2 * pi * at / period for at in times]
    return hypot(sum(map(cos, turns)), sum(map(sin, turns))) / len(times)


@pytest.mark.parametrize("period", [0.05, 0.1, 0.2, 0.3, 1.0])
def test_only_evenly_spaced_ones_are_in_step_with_a_period(period: float) -> None:
    drawn = {process: list(islice(moments(process, 0.1, "3"), 2000)) for process in PROCESSES}
    assert strength(drawn["poisson"], period) < 0.08
    assert strength(drawn["random"], period) < 0.08
    if period <= 0.1:
        assert strength(drawn["uniform"], period) > 0.99


def test_gaps_of_a_poisson_process_are_exponential() -> None:
    gaps = [later - earlier for earlier, later in pairwise(islice(moments("poisson", 0.1, "5"), 20_000))]
    assert sum(gaps) / len(gaps) == pytest.approx(0.1, rel=0.03)
    for share in (0.1, 0.5, 0.9):  # P(gap > x) = exp(-x / mean)
        assert sum(gap > 0.1 * -log(share) for gap in gaps) / len(gaps) == pytest.approx(share, abs=0.02)


def test_looks_are_never_more_than_two_intervals_apart() -> None:
    drawn = list(islice(moments("random", 0.1, "9"), 5000))
    assert all(k * 0.1 <= at < (k + 1) * 0.1 for k, at in enumerate(drawn))


def test_what_was_due_can_be_drawn_again() -> None:
    assert until(2.0, "poisson", 50.0, 4) == [
        at for at in islice(of_the_load("poisson", 50.0, 4), 500) if at < 2.0
    ]
