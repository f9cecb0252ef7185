"""Attempts of our own that should fail in one way: told one by one, and judged by how many did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chaos.faults.network.outside import Attempts
from chaos.faults.support.base import Sample, Target
from chaos.faults.support.fidelity import share_fits, share_interval
from chaos.faults.support.steadiness import and_why, lost_share

ENOUGH = 3
_LANDED_SHARE = 0.95


@dataclass(frozen=True)
class FailedAttempts:
    """How many of the attempts failed as they should."""

    share: float
    low: float
    high: float
    count: int
    fits: bool
    why: str


def told(target: Target, attempts: Attempts, fails_as: str, **about: Any) -> Sample | None:
    """The attempts that ended since the last call, each a sample; all but the last are journaled here."""
    samples = [{"failed": int(raw["as"] == fails_as), **raw, **about} for raw in attempts.fetch()]
    for sample in samples[:-1]:
        target.measured(**sample)
    return samples[-1] if samples else None


def judged(
    samples: Sequence[Sample], fails_as: str, asked: float = 1.0, enough: int = ENOUGH
) -> FailedAttempts:
    """All should fail: at least 95 % do. A share should: as many do, by the exact test."""
    tried = [sample for sample in samples if "failed" in sample]
    failed, count = sum(int(sample["failed"]) for sample in tried), len(tried)
    share, low, high = share_interval(failed, count)
    why = f"{failed} of {count} attempts of ours failed as {fails_as}"
    if count < enough:
        return FailedAttempts(share, low, high, count, False, f"{why}; at least {enough} are needed")
    if asked == 1:
        fits = share >= _LANDED_SHARE
        return FailedAttempts(
            share, low, high, count, fits, f"{why}, {'' if fits else 'not '}at least {_LANDED_SHARE:.0%}"
        )
    fits = share_fits(failed, count, asked)
    said = f"which {'goes' if fits else 'does not go'} with {asked:.0%} asked (exact test, 0.1 %)"
    gone = lost_share([(1, int(sample["failed"])) for sample in tried], asked)
    return FailedAttempts(share, low, high, count, fits and not gone, and_why(f"{why}, {said}", gone))
