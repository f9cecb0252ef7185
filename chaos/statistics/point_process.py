"""Point processes: the moments at which requests are sent and looks are made, in time drawn from a seed.

poisson  gaps of an exponential distribution, independent of each other: what many users who know nothing of each other
         do. Whatever is periodic in the target is met at every one of its phases in proportion (PASTA: Poisson
         arrivals see time averages). Source: Wolff, Poisson Arrivals See Time Averages, Operations Research 30 (1982).
random   one moment in each interval, at a uniformly random place in it (stratified, or jittered, sampling): never more
         than two intervals apart, so many in all as evenly spaced ones, and in step with nothing.
uniform  evenly spaced: moment k at k intervals. In step with whatever has that period, or a multiple or part of it.

Pure, standard library only: the agent draws by it, and whoever judges a journal draws the same again.
"""

from collections.abc import Iterator
from itertools import count, takewhile
from math import log
from random import Random
from typing import Literal

Process = Literal["poisson", "random", "uniform"]


def moments(process: Process | str, every_s: float, seed: str) -> Iterator[float]:
    """Seconds from the beginning, ascending, without an end; `every_s` apart in the mean.

    Only `random()` is asked for numbers, which Python draws the same in every version.
    """
    draw = Random(seed).random
    if process == "poisson":
        at = 0.0
        while True:
            at -= log(1.0 - draw()) * every_s
            yield at
    for number in count():
        # Multiplied anew each time: added-up intervals would drift.
        yield (number + draw() if process == "random" else number) * every_s


def of_the_load(process: Process | str, rate_per_s: float, seed: int) -> Iterator[float]:
    """When the requests of a run's load are due."""
    return moments(process, 1 / rate_per_s, f"{seed} load")


def of_a_probe(process: Process | str, every_s: float, seed: int, name: str) -> Iterator[float]:
    """When the looks of one steady state or stop condition are due."""
    return moments(process, every_s, f"{seed} probe {name}")


def until(end_s: float, process: Process | str, rate_per_s: float, seed: int) -> list[float]:
    """The moments of a load before `end_s`."""
    return list(takewhile(lambda at: at < end_s, of_the_load(process, rate_per_s, seed)))
