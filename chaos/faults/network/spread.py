"""How delays are spread about their median: drawn from a seeded source, and read back from what was measured.

The median is the delay itself under each distribution, so `delay` means the same whatever the jitter. Standard errors
are those of sample quantiles: sqrt(p(1-p)/n) / density, and for two of them with their covariance.
Source: David and Nagaraja, Order Statistics, 3rd ed., section 10.2.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from chaos.faults.support.fidelity import percentile

Distribution = Literal["uniform", "normal", "pareto"]

_PARETO_SHAPE = 3.0
"""That of the table `pareto` of tc-netem(8)."""
_PARETO_MEDIAN = 2 ** (1 / _PARETO_SHAPE)
_PARETO_DEVIATION = 0.75**0.5


@dataclass(frozen=True)
class Spread:
    """One distribution, in units of the jitter."""

    draw: Callable[[Random], float]
    """A deviation from the median."""
    least: float
    """So much below the median lies the least delay; of the normal one, all but three in ten million."""
    quartiles: float
    """From the first quartile to the third."""
    median_error: float
    """Standard error of the median of n delays, times the root of n."""
    quartiles_error: float
    """Relative standard error of the distance of the quartiles, times the root of n."""

    def jitter_of(self, delays: Sequence[float]) -> float:
        """The jitter that these delays show; quartiles, because a busy machine has outliers of its own."""
        return (percentile(delays, 0.75) - percentile(delays, 0.25)) / self.quartiles


def _pareto(random: Random) -> float:
    value: float = (1 - random.random()) ** (-1 / _PARETO_SHAPE)
    return (value - _PARETO_MEDIAN) / _PARETO_DEVIATION


SPREADS: Mapping[str, Spread] = {
    "uniform": Spread(lambda random: random.uniform(-1, 1), 1.0, 1.0, 1.0, 1.0),
    "normal": Spread(lambda random: random.gauss(0, 1), 5.0, 1.349, 1.253, 1.166),
    "pareto": Spread(_pareto, 0.300, 0.562, 0.485, 1.786),
}
"""uniform: the jitter is half of the width. normal: the standard deviation. pareto: the standard deviation, most of it
from a long tail of late ones; none is earlier than 0.3 of it before the median."""
