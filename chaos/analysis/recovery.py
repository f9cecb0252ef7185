"""Recovery: from the end of the fault to the moment the target is stably good again, and its relapses after that.

Reference    the end of the fault: `fault.recovered` of the last fault that is held and undone; for one that happens at
             a moment (`impulse`: a kill) that moment, the last one when it repeats. Looks count from the beginning of
             the undo, so that nothing is missed; a recovery before the reference is 0.
Recovered    the completion of the first good look from which on every look is good for a stable window (with a budget:
             no more are bad in it than go with the budget). What comes after it is no part of it: one bad look in the
             last minute does not make an outage of half a second one of a minute.
Relapse      a streak of bad looks after that. A target that ends bad, for a stable window or more, never came back.
Stable       1 s, or half of what is left of the run when that is shorter, and at least three looks.
Resolution   the true moment lies between the last bad look and the reported one; a metric adds its window, because it
             remembers that long, and an undo its length, when something was bad meanwhile. When nothing was bad at
             all, it is the time between two looks or to the first (and the window), unless the target stood still: a
             look was late, and nobody who came after it was answered before it was. Then it was back when that was
             over, which is the moment reported, or at any time before: who was answered until then says nothing.

Never recovered is None, which is not the same as a large number.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from chaos.statistics.binomial import SIGNIFICANCE, at_least

STABLE_S = 1.0
STABLE_LOOKS = 3
_SLOW = 2.0
"""An answer that took so many times its usual time was held up by something."""


@dataclass(frozen=True, slots=True)
class JudgedSample:
    """One sample of a probe, judged by its tolerance."""

    at: float
    """Intended time, Unix seconds."""
    took_s: float
    """From then to the answer, or to giving up."""
    good: bool
    late_s: float = 0.0
    """How much of `took_s` was the agent's own lateness."""
    limit_s: float | None = None
    """Of a bad one that was late and nothing else: what it might have taken."""

    @property
    def done(self) -> float:
        """When its answer was there."""
        return self.at + self.took_s


@dataclass(frozen=True, slots=True)
class Recovery:
    """How the target came back."""

    seconds: float | None
    """None: never stably good again while we looked, or bad again to the end."""
    resolution_s: float
    lower_s: float = 0.0
    """From the reference to the last bad look before it: the least that `seconds` can truly be."""
    relapses: int = 0
    """Streaks of bad looks after it was stably good."""
    longest: int = 0
    """Looks of the longest of them."""
    since: float | None = None
    """Intended time of the look from which on it was stably good; None when it never was, or nothing was bad."""
    bad_since: float | None = None
    """Since when it is bad to the end; None when it is not."""


def stable_window(reference: float, until: float) -> float:
    """How long good must last to count as stable, in seconds."""
    return min(STABLE_S, max(0.0, until - reference) / 2)


def recovery(
    looks: Sequence[JudgedSample],
    reference: float,
    until: float,
    every_s: float,
    window_s: float,
    usual_s: float = 0.0,
    budget: float = 0.0,
) -> Recovery:
    """Judge the looks intended from `reference` to `until` (sorted). `usual_s`: what an answer takes otherwise."""
    stable_s = stable_window(reference, until)
    if all(look.good for look in looks):
        enough = len(looks) >= STABLE_LOOKS and looks[-1].at - reference + every_s >= stable_s
        back_s, resolution_s = _at_once(looks, reference, every_s, stable_s, usual_s)
        return Recovery(back_s if enough else None, resolution_s + window_s)
    index = _first_stable(looks, every_s, stable_s, budget)
    bad_since = _bad_to_the_end(looks, every_s, stable_s)
    streaks = [] if index is None else _streaks(looks[index:])
    relapses, longest = len(streaks), max(streaks, default=0)
    if index is None or bad_since is not None:
        last_bad = max(look.at for look in looks if not look.good)
        lower_s = last_bad - reference
        return Recovery(None, every_s + window_s, lower_s, relapses, longest, bad_since=bad_since)
    since, before = looks[index].at, looks[:index]
    hurt = [look.at for look in before if not look.good]
    if not hurt:
        back_s, resolution_s = _at_once(looks[index:], reference, every_s, stable_s, usual_s)
        return Recovery(back_s, resolution_s + window_s, 0.0, relapses, longest, since)
    back, last_bad = looks[index].done, hurt[-1]
    return Recovery(
        max(0.0, back - reference), back - last_bad + window_s, last_bad - reference, relapses, longest, since
    )


def _at_once(
    looks: Sequence[JudgedSample], reference: float, every_s: float, stable_s: float, usual_s: float
) -> tuple[float, float]:
    """Seconds and resolution of what was never seen bad: 0, unless it stood still in its first moments."""
    late_s = max(every_s / 2, _SLOW * usual_s)
    ends = list(accumulate((look.done for look in reversed(looks)), min))[::-1]
    still = [
        first_s
        for look, first_s in zip(looks, ends, strict=True)
        if look.at <= looks[0].at + min(stable_s, 2 * every_s)
        and first_s - look.at > late_s
        and look.done - first_s <= max(usual_s, every_s / 2)
    ]
    if not still:
        return 0.0, max(every_s, looks[0].at - reference)
    back_s = max(0.0, max(still) - reference)
    return back_s, max(back_s, every_s)


def _first_stable(
    looks: Sequence[JudgedSample], every_s: float, stable_s: float, budget: float
) -> int | None:
    """The earliest look from which on a stable window has no bad look, or no more than go with the budget.

    It begins with three good ones, and by chance so many bad ones would be met more often than the significance, were
    the true share the budget.
    """
    ends, end = [look.at for look in looks], looks[-1].at + every_s
    bad_before = [0, *accumulate(not look.good for look in looks)]
    for index, look in enumerate(looks):
        first = looks[index : index + STABLE_LOOKS]
        if len(first) < STABLE_LOOKS or not all(each.good for each in first):
            continue
        if end - look.at < stable_s - 1e-9:
            return None
        until = max(index + STABLE_LOOKS, bisect_left(ends, look.at + stable_s - 1e-9))
        bad = bad_before[until] - bad_before[index]
        if not bad or at_least(bad, until - index, budget) > SIGNIFICANCE:
            return index
    return None


def _bad_to_the_end(looks: Sequence[JudgedSample], every_s: float, stable_s: float) -> float | None:
    """Where the last streak begins, when it is bad and as long as good would have to be."""
    good, streak = [(good, list(some)) for good, some in groupby(looks, key=lambda look: look.good)][-1]
    lasts_s = streak[-1].at - streak[0].at + every_s
    return None if good or len(streak) < STABLE_LOOKS or lasts_s < stable_s else streak[0].at


def _streaks(looks: Sequence[JudgedSample]) -> list[int]:
    """The lengths of the streaks of bad looks."""
    return [len(list(some)) for good, some in groupby(looks, key=lambda look: look.good) if not good]
