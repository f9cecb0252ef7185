"""How far a few trials can be trusted: exact intervals that assume no distribution.

Few trials make wide intervals, and none at all of 95 %: then the widest there is comes with the probability that it
really has. Pure, standard library only.
"""

from collections.abc import Sequence
from math import ceil, comb, floor, hypot, sqrt
from statistics import NormalDist, median
from typing import NamedTuple

from chaos.statistics.binomial import at_least, at_most

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A median and two of the values, between which the true median is with a probability of `coverage`."""

    median: float
    low: float
    high: float
    coverage: float


def median_interval(values: Sequence[float]) -> Interval:
    """The median of one value or more, with the narrowest interval that covers 95 %, or the widest there is.

    How many values are below the true median is binomial(n, 1/2), so the r-th smallest and r-th largest enclose it with
    a probability of 1 - 2 P(X < r); for the extremes that is 1 - 2^(1-n): 75 % of 3 values, 94 % of 5, 97 % of 6.
    With ties it is at least that. Infinities are values like others: something that never came is later than all else.
    Source: David, Nagaraja, Order Statistics, 3rd ed., section 7.1.
    """
    ordered = sorted(values)
    count = len(ordered)
    rank = 1
    while rank < count / 2 and _coverage(count, rank + 1) >= CONFIDENCE:
        rank += 1
    return Interval(median(ordered), ordered[rank - 1], ordered[-rank], _coverage(count, rank))


def quantile_interval(
    ordered: Sequence[float], share: float, clumping: float = 1.0
) -> tuple[float, float] | None:
    """Two of the sorted values that enclose the true quantile with 95 % or more; None: too few of them for that.

    How many values are below it is binomial(n, share). `clumping`: how many values tell as much as one independent one;
    the ranks are then those of so many fewer. Source: David, Nagaraja, Order Statistics, 3rd ed., section 7.1.
    """
    count = max(1, round(len(ordered) / clumping)) if ordered else 0
    tail = (1 - CONFIDENCE) / 2
    low = next((rank for rank in range(count, 0, -1) if at_most(rank - 1, count, share) <= tail), 0)
    high = next((rank for rank in range(1, count + 1) if at_least(rank, count, share) <= tail), count + 1)
    if low == 0 or high > count:
        return None
    scale = len(ordered) / count
    return ordered[floor((low - 1) * scale)], ordered[min(len(ordered), ceil(high * scale)) - 1]


def quantile_at_least(ordered: Sequence[float], share: float, clumping: float = 1.0) -> float | None:
    """One of the sorted values that the true quantile is not below, with 95 % or more; None: too few of them.

    As `quantile_interval`, of one side.
    """
    count = max(1, round(len(ordered) / clumping)) if ordered else 0
    found = (rank for rank in range(count, 0, -1) if at_most(rank - 1, count, share) <= 1 - CONFIDENCE)
    rank = next(found, 0)
    return ordered[floor((rank - 1) * len(ordered) / count)] if rank else None


def shares_differ(
    hits: int, count: int, hits_then: int, count_then: int, level: float
) -> tuple[float, float]:
    """The interval of the difference of two shares (the first less the second), at that level.

    By Wilson's intervals of both, so that it holds for small numbers and shares near 0.
    Source: Newcombe, Interval Estimation for the Difference between Independent Proportions, Statistics in Medicine 17
    (1998), method 10.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    (now, low, high), (then, low_then, high_then) = wilson(hits, count, z), wilson(hits_then, count_then, z)
    difference = now - then
    return (
        difference - hypot(now - low, high_then - then),
        difference + hypot(high - now, then - low_then),
    )


def wilson(hits: int, count: int, z: float) -> tuple[float, float, float]:
    """A share and its score interval. Source: Brown, Cai, DasGupta, Statistical Science 16 (2001)."""
    if not count:
        return 0.0, 0.0, 1.0
    share, weight = hits / count, z**2 / count
    middle = (share + weight / 2) / (1 + weight)
    half = sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return share, max(0.0, middle - half), min(1.0, middle + half)


def _coverage(count: int, rank: int) -> float:
    return float(max(0.0, 1 - 2 * sum(comb(count, below) for below in range(rank)) / 2**count))


def failures_left(successes: int) -> float:
    """The highest failure probability that so many successes and no failure leave open, at 95 % confidence.

    The one-sided exact bound: (1-p)^n = 5 %, about 3/n. Source: Clopper, Pearson, Biometrika 26 (1934); for no failure
    Hanley, Lippman-Hand, If Nothing Goes Wrong, Is Everything All Right?, JAMA 249 (1983).
    """
    return 1 - (1 - CONFIDENCE) ** (1 / successes) if successes else 1.0


def by_chance(hits: int, count: int, hits_beside: int, count_beside: int) -> float:
    """The probability of at least so many `hits` among `count` if both groups were the same: Fisher's exact test.

    Source: Agresti, Categorical Data Analysis, 3rd ed., section 3.5.1 (one-sided).
    """
    total, all_hits = count + count_beside, hits + hits_beside
    ways = (comb(count, k) * comb(count_beside, all_hits - k) for k in range(hits, min(count, all_hits) + 1))
    return sum(ways) / comb(total, all_hits)
