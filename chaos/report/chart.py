"""Chart model before drawing: traces, named spans of time, limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.report.scale import Writer
from chaos.report.thin import Point, Seen


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One trace. `style` 1 is drawn solid, 2 dashed, 3 dotted: never told apart by colour alone."""

    name: str
    points: Sequence[Point]
    style: int = 1
    area: bool = False


@dataclass(frozen=True, kw_only=True)
class Band:
    """A stretch of time with a name; shaded when a fault acted in it."""

    name: str
    start: float
    end: float
    shaded: bool = False


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A value that the tolerance of a steady state names."""

    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What to draw over `span` (Unix seconds); values in the base unit that `unit` writes."""

    title: str
    about: str
    unit: Writer
    span: tuple[float, float]
    lines: Sequence[Trace] = ()
    dots: Sequence[Seen] = ()
    dots_name: str = ""
    misses: Sequence[float] = ()
    misses_name: str = ""
    bands: Sequence[Band] = ()
    limits: Sequence[Limit] = ()
    height: int = 110
    named: bool = False
    """Whether to name the bands and the times; in a stack of charts one or two do it for all."""
    at_least: float = 0.0
    """The scale reaches this value even when nothing did."""
    readouts: Sequence[tuple[float, float, str]] = ()
    """(from, to, words) shown while a pointer is over that time."""
