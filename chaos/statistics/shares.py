"""A share of looks or requests against its bound: beyond it, well within it, or not decided.

Three regions, by two exact tests (`chaos.statistics.binomial`). Beyond: so many bad ones would be met by chance less
often than the significance, were the true share at the bound. Within: no more than the bound were bad, and a true
share of twice the bound would show so few less often than the significance. Otherwise more looks are needed, and it
says how many. A bound of 0 is a "never": one bad one is beyond it, none is within, and what that excludes is said.

Looks that come in clumps tell less than independent ones. A hiccup of a machine lasts up to a quarter of a second; bad
looks next to each other count as that many fewer, by their correlation: n (1 - r) / (1 + r). What lasts longer is no
hiccup. Source: Bayley, Hammersley, The Effective Number of Independent Observations in an Autocorrelated Time Series,
J. Roy. Stat. Soc. Suppl. 8 (1946). Pure, standard library only: the agent judges the baseline by the same rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, floor

from chaos.statistics import binomial

HICCUP_S = 0.25
"""A shared machine may pause any program this long."""

Marks = Sequence[tuple[float, bool]]
"""(intended time, bad), by time."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of the looks (or requests) of one phase were bad, and how many may be."""

    where: str
    """`fault phase`."""
    bad: int
    count: int
    bound: float
    clumping: float = 1.0
    """How many of them tell as much as one independent one."""
    parts: int = 1
    """Of how many parts of the phase the worst is left out; 1: none is."""

    @property
    def share(self) -> float:
        """Share that was bad."""
        return self.bad / self.count if self.count else 0.0

    @property
    def effective(self) -> int:
        """As many independent ones would tell as much."""
        return max(1, round(self.count / self.clumping)) if self.count else 0

    def chance(self) -> float:
        """The probability of so many bad ones or more, were the true share at the bound."""
        bad = self.bad if self.bound <= 0 else floor(self.bad / self.clumping + 1e-9)
        return binomial.at_least(min(bad, self.effective), self.effective, self.bound)

    def beyond(self, significance: float) -> bool:
        """Whether so many bad ones reject the bound."""
        return self.bad > 0 and self.chance() <= significance

    def within(self, significance: float) -> bool:
        """Whether so few exclude twice the bound."""
        bad = min(ceil(self.bad / self.clumping - 1e-9), self.effective)
        return self.count > 0 and binomial.excludes(
            bad, self.effective, self.bound, significance / self.parts
        )

    def noticed(self, significance: float) -> float:
        """The smallest true share that so many would have called beyond with 95 %; above 1: none."""
        return binomial.noticed(self.effective, self.bound, significance)

    def needed(self, against: float, significance: float) -> int | None:
        """How many would decide, were as many of them bad; None: no number would."""
        found = binomial.needed_to_decide(
            self.bad, self.count, self.effective, self.bound, against, significance / self.parts
        )
        return None if found is None else ceil(found * self.clumping * _whole(self.parts))


def _whole(parts: int) -> float:
    """By how much a phase is longer than what is left of it."""
    return parts / (parts - 1) if parts > 1 else 1.0


def tally(
    where: str, marks: Marks, bound: float, every_s: float, at_least: float = 0.0, spare: float = 0.0
) -> Tally:
    """Count what was seen of a phase.

    `every_s`: from one look to the next. `at_least`: how many there should have been, when it was cut short. `spare`:
    the share of the phase's time, in which most were bad, that does not count. Its parts are fixed beforehand, so that
    choosing the worst of them is paid for by as many tests (Bonferroni).
    """
    missing = max(0, round(at_least) - len(marks))
    if spare >= 1:
        bound = 1.0
    parts = ceil(1 / spare - 1e-9) if 0 < spare < 1 and marks else 1
    kept = marks if parts == 1 else _without_the_worst(marks, parts, every_s)
    bad = sum(bad for _, bad in kept)
    clumped = clumping([bad for _, bad in kept], HICCUP_S / every_s)
    return replace(Tally(where, bad, len(kept) + missing, bound, clumped), parts=parts)


def _without_the_worst(marks: Marks, parts: int, every_s: float) -> Marks:
    begin = marks[0][0]
    length_s = (marks[-1][0] - begin + every_s) / parts
    place = [min(parts - 1, int((at - begin) / length_s)) for at, _ in marks]
    bad = [0] * parts
    for where, (_, is_bad) in zip(place, marks, strict=True):
        bad[where] += is_bad
    worst = bad.index(max(bad))
    return [mark for where, mark in zip(place, marks, strict=True) if where != worst]


def clumping(bad: Sequence[bool], at_most: float) -> float:
    """(1 + r) / (1 - r), where r is the correlation of one's being bad with the next one's; 1 to `at_most`."""
    before = sum(bad[:-1])
    if not before or at_most <= 1:
        return 1.0
    share = sum(bad) / len(bad)
    if share >= 1:
        return at_most
    again = sum(one and other for one, other in pairwise(bad)) / before
    r = (again - share) / (1 - share)
    if r >= 1:
        return at_most
    return 1.0 if r <= 0 else min(at_most, (1 + r) / (1 - r))
