"""The exact binomial test of a share against a bound: what rejects it, what excludes twice of it, what it notices.

A look is good or bad, so the bad ones of n are binomial, and the tests are exact for any n: no normal approximation,
which fails where it matters, at a few looks and a small share. One-sided: nobody minds an app that is better.
Source: Clopper, Pearson, The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial, Biometrika
26 (1934). Pure, standard library only; the agent uses it, too.
"""

import math
from collections.abc import Callable

SIGNIFICANCE = 0.05
"""How often a run may call deviated what is within its bounds, and held what is twice as bad as they allow."""
MOST_NEEDED = 100_000
_STEP = 1.1
"""So exactly it is known how many looks would decide."""
_SMALL = 1e-17


def at_least(hits: int, count: int, share: float) -> float:
    """P(X >= hits) of a binomial(count, share)."""
    if hits <= 0:
        return 1.0
    if share <= 0.0 or hits > count:
        return 0.0
    if share >= 1.0:
        return 1.0
    if hits < count * share:
        return max(0.0, 1.0 - at_most(hits - 1, count, share))
    term, odds, total = _term(hits, count, share), share / (1 - share), 0.0
    for each in range(hits, count + 1):
        total += term
        if term < total * _SMALL:
            break
        term *= odds * (count - each) / (each + 1)
    return min(1.0, total)


def at_most(hits: int, count: int, share: float) -> float:
    """P(X <= hits) of a binomial(count, share)."""
    if hits < 0:
        return 0.0
    return 1.0 if hits >= count else at_least(count - hits, count, 1 - share)


def _term(hits: int, count: int, share: float) -> float:
    ways = math.lgamma(count + 1) - math.lgamma(hits + 1) - math.lgamma(count - hits + 1)
    return math.exp(ways + hits * math.log(share) + (count - hits) * math.log1p(-share))


def highest(hits: int, count: int, significance: float = SIGNIFICANCE) -> float:
    """The highest share that so many hits leave open: the one-sided upper bound of Clopper and Pearson."""
    if hits >= count:
        return 1.0
    if hits == 0:
        return 1 - math.pow(significance, 1 / count)
    return _root(lambda share: at_most(hits, count, share) > significance)


def lowest(hits: int, count: int, significance: float = SIGNIFICANCE) -> float:
    """The lowest share that so many hits leave open: the one-sided lower bound of Clopper and Pearson."""
    return 1 - highest(count - hits, count, significance) if hits > 0 else 0.0


def _root(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high


def twice(bound: float) -> float:
    """What a `held` excludes: twice the bound, or half way from it to all, where twice would be more than that."""
    return min(2 * bound, (1 + bound) / 2)


def fewest_rejected(count: int, bound: float, significance: float = SIGNIFICANCE) -> int:
    """The fewest hits among `count` that reject "at most `bound`"; count + 1 when not even all do."""
    if bound <= 0 or bound >= 1:
        return 1 if bound <= 0 else count + 1
    low, high = math.floor(count * bound), count + 1
    while low + 1 < high:
        middle = (low + high) // 2
        if at_least(middle, count, bound) <= significance:
            high = middle
        else:
            low = middle
    return high


def most_excluding(count: int, bound: float, significance: float = SIGNIFICANCE) -> int:
    """The most hits among `count` that exclude twice the bound; -1 when not even none does. Of a bound of 0 it is 0."""
    if bound <= 0:
        return 0
    if bound >= 1:
        return count
    beyond, low, high = twice(bound), -1, math.floor(count * bound) + 1
    while low + 1 < high:
        middle = (low + high) // 2
        if at_most(middle, count, beyond) <= significance:
            low = middle
        else:
            high = middle
    return low


def excludes(hits: int, count: int, bound: float, significance: float = SIGNIFICANCE) -> bool:
    """Whether so few exclude twice the bound: `hits <= most_excluding(...)`, at the price of one sum."""
    if bound <= 0 or bound >= 1:
        return hits == 0 or bound >= 1
    return hits <= count * bound and at_most(hits, count, twice(bound)) <= significance


def noticed(
    count: int, bound: float, significance: float = SIGNIFICANCE, power: float = 1 - SIGNIFICANCE
) -> float:
    """The smallest true share that so many looks call deviated with a probability of `power`; more than 1: none."""
    least = fewest_rejected(count, bound, significance)
    return lowest_with(least, count, power) if least <= count else 2.0


def lowest_with(hits: int, count: int, power: float) -> float:
    """The smallest share of which at least `hits` of `count` are met with a probability of `power`."""
    if hits == 1:
        return 1 - math.pow(1 - power, 1 / count)
    return _root(lambda share: at_least(hits, count, share) < power)


def needed(bound: float, significance: float = SIGNIFICANCE) -> int:
    """The fewest looks, all of them good, that exclude twice the bound: about 1.5 divided by it; 1 of a bound of 0."""
    beyond = twice(bound)
    return 1 if bound <= 0 or beyond >= 1 else math.ceil(math.log(significance) / math.log1p(-beyond))


def needed_to_decide(
    hits: int,
    count: int,
    least: int,
    bound: float,
    against: float = SIGNIFICANCE,
    within: float = SIGNIFICANCE,
) -> int | None:
    """How many independent looks, `least` or more, as many of them bad as now by share, would decide.

    None: not even 100,000. `against` is the significance of the test that rejects the bound, `within` of the one that
    excludes twice of it.
    """
    tried = max(least, needed(bound, within))
    while tried <= MOST_NEEDED:
        scaled = round(hits / count * tried) if count else 0
        if at_least(scaled, tried, bound) <= against or excludes(scaled, tried, bound, within):
            return tried
        tried = math.ceil(tried * _STEP)
    return None
