"""Whether a fault was as asked over its whole hold: a median alone is right while it is gone for almost half of it.

Besides the rule for all samples together, each third of the hold must pass a rule, and 95 % of the single samples must
be roughly as asked (of fewer than 20 all but one, of fewer than 10 all). "Roughly" is wide enough for the noise of a
busy machine, and far from what is seen without the fault. Standard library only and pure.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from chaos.faults.support.fidelity import SURE, share_fits

T = TypeVar("T")

_SHARE = 0.95
_NONE_MAY_MISS = 10
_THIRDS = 9
"""Fewer samples than this have no thirds worth a rule."""


def unsteady(
    samples: Sequence[T], roughly: Callable[[T], bool], fits: Callable[[Sequence[T]], bool] | None = None
) -> str:
    """Why samples, in the order of time, are not as asked throughout; empty when they are.

    `roughly` judges one sample, `fits` the samples of one third of the hold.
    """
    count = len(samples)
    there = sum(map(roughly, samples))
    missed = 0 if count < _NONE_MAY_MISS else max(1, int(count * (1 - _SHARE) + 1e-9))
    if count - there > missed:
        return f"but only {there} of {count} samples were roughly as asked; {_SHARE:.0%} must be"
    if fits is None or count < _THIRDS:
        return ""
    names = ("first", "second", "last")
    cuts = [round(count * third / 3) for third in range(4)]
    lost = [
        name for name, begin, end in zip(names, cuts, cuts[1:], strict=False) if not fits(samples[begin:end])
    ]
    if len(lost) == len(names):
        return "but in no third of the hold"
    thirds = "thirds" if len(lost) > 1 else "third"
    return f"but not in the {' and '.join(lost)} {thirds} of the hold" if lost else ""


def lost_share(blocks: Sequence[tuple[int, int]], share: float, clumping: float = 1.0) -> str:
    """Why a share was not struck throughout; empty when it was. `blocks`: (tried, struck), in the order of time.

    By the exact test of the whole (`share_fits`), each third must go with it; and at the end there are not so many
    without a single one that chance makes them once in two thousand times: what is lost half way stays lost.
    """
    if share >= 1:
        return ""  # what is asked of all of them leaves nothing to be lost
    quiet = 0
    for tried, struck in reversed(blocks):
        if struck:
            break
        quiet += tried
    if quiet and (1 - share) ** (quiet / clumping) <= SURE:
        return f"but not one of the last {quiet:,}"
    return unsteady(blocks, lambda _: True, lambda some: share_fits(*_sums(some), share, clumping))


def _sums(blocks: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(struck for _, struck in blocks), sum(tried for tried, _ in blocks)


def and_why(why: str, lost: str) -> str:
    """The reason of a fault with what it lacked over time."""
    return f"{why}; {lost}" if lost else why
