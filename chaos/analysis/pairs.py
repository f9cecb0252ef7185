"""Trials against their controls, pair by pair: is it the fault, or would a fair coin make such a difference?

Which of a pair runs first is drawn by a coin. If the fault makes no difference, then of each pair in which only one of
the two deviates that one is the trial with probability 1/2, whatever drifts, is cold or takes turns meanwhile: pairs in
which both do, or neither, say nothing. So the number of those that speak against the fault is binomial(n, 1/2).
Fisher's test asks for more, that all segments are independent and alike.
Sources: McNemar, Psychometrika 12 (1947); Agresti, Categorical Data Analysis, 3rd ed., section 11.1.

A series that ends as soon as it is decided looks again and again, and each look could be wrong. Its bound is that of a
random walk: after so many pairs that differ, so many must be the trial's, chosen so that the walk of a fair coin ever
reaches it in at most the significance. It spends that as soon as it can, so that it is the same for any length.
Sources: Armitage, Restricted Sequential Procedures, Biometrika 44 (1957); the probability of what was seen, ordered by
the stage at which a walk ends: Jennison, Turnbull, Group Sequential Methods with Applications to Clinical Trials, 8.4.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from math import comb
from typing import NamedTuple

_SLACK = 1e-12


def mcnemar(trials_only: int, controls_only: int) -> float:
    """The probability of so many pairs, or more, in which only the trial deviates, of all in which one does."""
    count = trials_only + controls_only
    ways = sum(comb(count, k) for k in range(trials_only, count + 1))
    return ways / float(2**count)


class PairsStage(NamedTuple):
    """What holds after some number of pairs that differ."""

    decides: int
    """So many of them must be the trial's; more than there are: not even all decide."""
    before: float
    """The probability that a fair coin was decided earlier."""
    open: tuple[float, ...]
    """The probability that it was not, by how many of them are the trial's now."""

    def chance(self, trials_only: int) -> float:
        """The probability of being decided earlier, or of so many now."""
        return min(1.0, self.before + sum(self.open[trials_only:]))


@cache
def stages(significance: float, most: int) -> tuple[PairsStage, ...]:
    """The stages of a series of so many pairs, from 1 pair that differs to all of them."""
    return tuple(_walk(significance, most))


def _walk(significance: float, most: int) -> Iterator[PairsStage]:
    going: tuple[float, ...] = (1.0,)
    spent = 0.0
    for count in range(1, most + 1):
        still = (0.0, *going, 0.0)
        now = tuple((still[k] + still[k + 1]) / 2 for k in range(count + 1))
        decides, before = count + 1, spent
        while 2 * (decides - 1) > count and spent + now[decides - 1] <= significance + _SLACK:
            decides -= 1
            spent += now[decides]
        yield PairsStage(decides, before, now)
        going = tuple(p if k < decides else 0.0 for k, p in enumerate(now))


def in_turn(trials_only: Sequence[bool], significance: float, most: int) -> tuple[bool, float]:
    """Whether pairs that differ, in their order, decide against the fault, and the probability of chance.

    That is at most the significance when they do, and more when they do not.
    """
    hits, chance = 0, 1.0
    for hit, stage in zip(trials_only, stages(significance, most), strict=False):
        hits += hit
        chance = stage.chance(hits)
        if hits >= stage.decides:
            return True, chance
    return False, chance


def can_decide(trials_only: Sequence[bool], more: int, significance: float, most: int) -> bool:
    """Whether they would, were the trial the one that deviates in each of so many pairs more."""
    return in_turn([*trials_only, *[True] * more], significance, most)[0]


def fewest(significance: float) -> int:
    """So many pairs, in all of which only the trial deviates, are the fewest that decide: 5 at 5 %."""
    return next(count for count in range(1, 1100) if 0.5**count <= significance + _SLACK)
