"""Recovery time: from the end of the fault to the moment the target is good again, and stays so.

Reference    the end of the fault: `fault.recovered` of the last fault that is held and undone; for one that happens at
             a moment (`impulse`: a kill) that moment, the last one when it repeats. Looks count from the beginning of
             the undo, so that nothing is missed; a recovery before the reference is 0.
Recovered    the completion of the first good look from which on every look is good for a stable window, and no more
             looks than the budget allows are bad to the end. With the usual budget of 0 that is the first look of the
             final good streak.
Stable       1 s, or half of what is left of the run when that is shorter, and at least three looks.
Resolution   the true moment lies between the last bad look and the reported one; a metric adds its window, because it
             remembers that long, and an undo its length, when something was bad meanwhile. When nothing was bad at
             all, it is the time between two looks (and the window).

Never recovered is None, which is not the same as a large number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.analysis.recovery import STABLE_LOOKS, JudgedSample, stable_window


@dataclass(frozen=True, slots=True)
class Rules1Recovery:
    """How the target came back."""

    seconds: float | None
    """None: never stably good again while we looked."""
    resolution_s: float
    lower_s: float = 0.0
    """From the reference to the last bad look before it: the least that `seconds` can truly be."""
    relapses: int = 0
    """How often it was good again and then bad once more."""
    since: float | None = None
    """Intended time of the look from which on it was good; None when it never was, or never was bad."""


def recovery(
    looks: Sequence[JudgedSample],
    reference: float,
    until: float,
    every_s: float,
    window_s: float,
    budget: float,
) -> Rules1Recovery:
    """Judge the looks intended from `reference` to `until` (sorted)."""
    stable_s = stable_window(reference, until)
    resolution_s = every_s + window_s
    if all(look.good for look in looks):
        enough = len(looks) >= STABLE_LOOKS and looks[-1].at - reference + every_s >= stable_s
        return Rules1Recovery(0.0 if enough else None, resolution_s)
    relapses = _relapses(looks)
    index = _first_stable(looks, every_s, stable_s, budget)
    if index is None:
        last_bad = max(look.at for look in looks if not look.good)
        return Rules1Recovery(None, resolution_s, last_bad - reference, relapses)
    back = looks[index]
    last_bad = max((look.at for look in looks[:index] if not look.good), default=reference)
    return Rules1Recovery(
        seconds=max(0.0, back.done - reference),
        resolution_s=back.done - last_bad + window_s,
        lower_s=last_bad - reference,
        relapses=relapses,
        since=back.at,
    )


def _first_stable(
    looks: Sequence[JudgedSample], every_s: float, stable_s: float, budget: float
) -> int | None:
    """The earliest good look that starts a stable window and after which the budget is kept."""
    best, bad, next_bad, end = None, 0, float("inf"), looks[-1].at + every_s
    for index in range(len(looks) - 1, -1, -1):
        look = looks[index]
        if not look.good:
            bad, next_bad = bad + 1, look.at
            continue
        remaining = len(looks) - index
        stable = remaining >= STABLE_LOOKS and min(next_bad, end) - look.at >= stable_s
        if stable and bad <= budget * remaining:
            best = index
    return best


def _relapses(looks: Sequence[JudgedSample]) -> int:
    """Turns from good to bad after the first bad look: what was good before it had nothing to recover from."""
    first_bad = next(index for index, look in enumerate(looks) if not look.good)
    hurt = looks[first_bad:]
    return sum(earlier.good and not later.good for earlier, later in pairwise(hurt))
