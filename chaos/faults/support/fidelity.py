"""How far a measured figure can be trusted: point estimates with their 95 % intervals.

Standard library only and pure. Nothing here imports `statistics`: it costs the agent 10 ms of start-up.
"""

import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

from chaos.statistics import binomial

_CONFIDENCE = 0.95
_Z = 1.959963984540054
"""Quantile 0.975 of the standard normal distribution."""
_T_IS_NORMAL = 1000
"""Degrees of freedom above which Student's quantile differs from the normal one by less than 0.2 %."""

_FEWEST_FOR_A_CORRELATION = 8
_MOST_CORRELATED = 0.99

_PAIRED = 150
"""Values whose pairs are looked at: some ten thousand."""


class Estimate(NamedTuple):
    """A figure and the interval that covers the true one with 95 %, where there are values enough for one."""

    value: float
    low: float | None
    high: float | None
    effective: float
    """As many independent values would tell as much."""


def percentile(values: Sequence[float], share: float) -> float:
    """The `share` (0..1) quantile, interpolated (Hyndman and Fan 1996, type 7); ValueError on no values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def median_interval(values: Sequence[float]) -> Estimate:
    """Median and its distribution-free interval between two order statistics; no interval below 6 values.

    The number of values below the true median is binomial(n, 1/2), so the r-th smallest and r-th largest
    enclose it with probability 1 - 2 P(X < r). Values that are like those before them count as that many fewer
    (`independent_of`), and the ranks are scaled.
    Source: Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2.
    """
    independent = round(independent_of(values)) if values else 0
    rank = _median_rank(independent)
    middle = percentile(values, 0.5)
    if rank == 0:
        return Estimate(middle, None, None, independent)
    ordered = sorted(values)
    rank = math.floor((rank - 1) * len(values) / independent) + 1
    return Estimate(middle, ordered[rank - 1], ordered[-rank], independent)


def _median_rank(count: int) -> int:
    """The largest r whose order statistics r and n+1-r still cover 95 %; 0 when even the extremes do not."""
    tail, rank = 0.0, 0
    while rank <= count // 2:
        log_term = math.lgamma(count + 1) - math.lgamma(rank + 1) - math.lgamma(count - rank + 1)
        tail += math.exp(log_term - count * math.log(2))
        if tail > (1 - _CONFIDENCE) / 2:
            return rank
        rank += 1
    return rank


def mean_interval(values: Sequence[float]) -> Estimate:
    """Mean and Student's interval (for values that are about normal, or many); no interval below 2 values.

    Values that are like those before them count as fewer, and their own spread is too small by as much. How alike they
    are is known from so few only roughly, so half of a standard error (1 / sqrt n) is added: with 20 values or more it
    covers 94 % or more up to a correlation of 0.8, with 10 values 91 %.
    Sources: Bayley, Hammersley, J. Roy. Stat. Soc. Suppl. 8 (1946); Kendall, Biometrika 41 (1954).
    """
    count = len(values)
    if count == 0:
        raise ValueError("no values")
    mean = math.fsum(values) / count
    if count < 2:
        return Estimate(mean, None, None, count)
    spread = math.fsum((value - mean) ** 2 for value in values)
    independent = float(count)
    if count >= _FEWEST_FOR_A_CORRELATION and spread > 0:
        bias = (correlation(values) + 1 / count) / (1 - 4 / count) + 0.5 / math.sqrt(count)
        r = min(max(0.0, bias), _MOST_CORRELATED)
        independent = max(2.0, count * (1 - r) / (1 + r))
    variance = spread / max(1.0, count - count / independent)
    half = _student(independent - 1) * math.sqrt(variance / independent)
    return Estimate(mean, mean - half, mean + half, independent)


def _student(freedom: float) -> float:
    """Student's quantile between those of two whole degrees of freedom, of which it is about linear in 1 / freedom."""
    below = max(1, math.floor(freedom))
    low, high = student_quantile(below), student_quantile(below + 1)
    return low + (high - low) * (1 / below - 1 / max(1.0, freedom)) * below * (below + 1)


def correlation(values: Sequence[float]) -> float:
    """The correlation of a value with the next one, as it is seen; ZeroDivisionError when no two values differ."""
    mean = math.fsum(values) / len(values)
    spread = math.fsum((value - mean) ** 2 for value in values)
    return math.fsum((a - mean) * (b - mean) for a, b in pairwise(values)) / spread


def independent_of(values: Sequence[float]) -> float:
    """As many independent values would tell as much of the mean: n (1 - r) / (1 + r), at least 2, at most n.

    r is the correlation of a value with the next one, to which 1/n is added: estimated from few values it is that much
    too small. Sources: Bayley, Hammersley, J. Roy. Stat. Soc. Suppl. 8 (1946); Kendall, Biometrika 41 (1954).
    """
    count = len(values)
    mean = math.fsum(values) / count
    spread = math.fsum((value - mean) ** 2 for value in values)
    if count < _FEWEST_FOR_A_CORRELATION or spread == 0:
        return float(count)
    r = correlation(values) + 1 / count
    if r <= 0:
        return float(count)
    return max(2.0, count * (1 - min(r, _MOST_CORRELATED)) / (1 + min(r, _MOST_CORRELATED)))


def student_quantile(freedom: int) -> float:
    """The two-sided 95 % quantile of Student's t with `freedom` degrees of freedom, by bisection."""
    if freedom > _T_IS_NORMAL:
        return _Z
    low, high = _Z, 13.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_within(middle, freedom) < _CONFIDENCE else (low, middle)
    return low


def _student_within(t: float, freedom: int) -> float:
    """P(|T| <= t). Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for step in range(2 + odd, freedom, 2):
        term *= cosine**2 * (step - 1) / step
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def slope(places: Sequence[float], values: Sequence[float]) -> float:
    """How much the value grows by one of place: the median over all pairs, which a few wrong values do not move.

    Of many values, evenly chosen ones. Source: Sen, Estimates of the Regression Coefficient Based on Kendall's Tau,
    J. Am. Stat. Assoc. 63 (1968). ValueError when no two places differ.
    """
    every = max(1, len(places) // _PAIRED)
    points = list(zip(places, values, strict=True))[::every]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if a[0] != b[0]]
    return percentile(slopes, 0.5)


def share_interval(hits: int, count: int) -> tuple[float, float, float]:
    """Share of `hits` and Wilson's score interval; (0, 0, 1) when nothing was counted.

    Source: Brown, Cai, DasGupta, Interval Estimation for a Binomial Proportion, Stat. Science 16 (2001).
    """
    if count == 0:
        return 0.0, 0.0, 1.0
    share, weight = hits / count, _Z**2 / count
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return share, max(0.0, middle - half), min(1.0, middle + half)


SURE = 0.0005
"""On each side: a share as asked is called off once in a thousand times."""
TELLING = 11.0
"""So many hits must be due before their number can say that it is not the share asked: 3.29 squared. With fewer due,
nothing at all would still go with it."""
_MISSING = 0.02
"""Of all, so many may be missing: those on their way."""
MET = 0.05
"""The probability of never having been met by a fault that passes for having been."""


def share_fits(hits: int, count: int, asked: float, clumping: float = 1.0) -> bool:
    """Whether so many hits go with the share asked, by the exact binomial test on both sides
    (`chaos.statistics.binomial`).

    `clumping`: by how much the variance of the number is greater than a binomial one's.
    """
    if asked >= 1:
        return count > 0 and count - hits <= max(1, _MISSING * count)
    independent = max(1, round(count / clumping))
    few, many = math.floor(hits / clumping + 1e-9), math.ceil(hits / clumping - 1e-9)
    at_most, at_least = binomial.at_most(many, independent, asked), binomial.at_least(few, independent, asked)
    return count > 0 and at_most > SURE and at_least > SURE


def enough_for(share: float, clumping: float = 1.0) -> int:
    """How many must be counted before a share can be told."""
    return math.ceil(TELLING * clumping / share - 1e-9)


def traffic_needed(share: float, clumping: float = 1.0) -> int:
    """Of how many of the target's own a fault of that share misses all with 5 %: about three divided by the share."""
    if share >= 1:
        return 1
    return math.ceil(math.log(MET) / math.log1p(-share) * clumping - 1e-9)
