"""Thinning of samples for a chart: no spike is lost, and no gap is drawn over."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

Point = tuple[float, float | None]
"""When (Unix seconds) and how much; None when nothing was seen then."""
Seen = tuple[float, float]

COLUMNS = 1000
"""Columns across a chart; about what a screen shows of it."""


GAP = 3.5
"""Usual pauses without a sample that make a gap: one late sample does not, three missing ones do."""


def unbroken(points: Iterable[Point], gap_s: float) -> Iterator[list[Seen]]:
    """The stretches of `points` without a None and without a pause longer than `gap_s`."""
    stretch: list[Seen] = []
    for at, value in points:
        if stretch and (value is None or at - stretch[-1][0] > gap_s):
            yield stretch
            stretch = []
        if value is not None:
            stretch.append((at, value))
    if stretch:
        yield stretch


def thinned(stretch: Sequence[Seen]) -> list[Seen]:
    """The first, lowest, highest and last point of every column; `stretch` is in columns (x) and any unit (y)."""
    if len(stretch) <= COLUMNS:
        return list(stretch)
    kept: list[Seen] = []
    for _, group in groupby(stretch, key=lambda point: int(point[0])):
        column = list(group)
        low, high = min(column, key=_height), max(column, key=_height)
        kept += sorted({column[0], low, high, column[-1]})
    return kept


def usual_pause(points: Sequence[tuple[float, Any]]) -> float:
    """The median time between neighbours, seconds; 0 for fewer than two."""
    pauses = sorted(after[0] - before[0] for before, after in pairwise(points))
    return pauses[len(pauses) // 2] if pauses else 0.0


def _height(point: Seen) -> float:
    return point[1]
