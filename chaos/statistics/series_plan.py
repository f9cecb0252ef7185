"""What a plan says of its series: how many trials, whether with controls, and when it is decided. Standard library."""

from dataclasses import dataclass
from math import ceil, log, log1p

from chaos.statistics.binomial import SIGNIFICANCE

EXCLUDED = 0.1
"""A series until it is decided is held when a failure in so many of the trials is excluded with 95 %."""


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """How often an experiment is carried out."""

    trials: int = 1
    """So often, or at most."""
    control: bool = False
    until_decided: bool = False
    exclude: float = EXCLUDED
    """Of a series until it is decided: the share of failing trials that a `held` excludes with 95 %."""

    @property
    def needed(self) -> int:
        """So many trials must hold, and none deviate."""
        return good_trials_for(self.exclude) if self.until_decided else self.trials


def good_trials_for(share: float) -> int:
    """How many trials without a failure exclude such a share of failures with 95 %."""
    return ceil(log(SIGNIFICANCE) / log1p(-share) - 1e-9) if share < 1 else 1
