"""Samples and series of metrics, and how any name becomes a valid label."""

from collections.abc import Mapping
from typing import NamedTuple

from chaos.text.inert import inert

Labels = tuple[tuple[str, str], ...]


class MetricSeries(NamedTuple):
    """A metric's name with its labels, sorted by their names."""

    name: str
    labels: Labels


class Sample(NamedTuple):
    """One value. `at_ms` is Unix milliseconds, as finely as Prometheus keeps time."""

    series: MetricSeries
    at_ms: int
    value: float


STALE = float("nan")
"""In place of a value: the series ends here, and is not to be shown as its last value for five minutes more. Known by
identity; how it is written is its reader's to say."""

LAST_MS = 253_402_300_799_999
"""The end of the year 9999; a later time is nobody's."""


def series(name: str, labels: Mapping[str, str]) -> MetricSeries:
    """A series, its labels cleaned."""
    return MetricSeries(name, tuple((key, clean(labels[key])) for key in sorted(labels)))


def clean(value: str) -> str:
    """What every reader takes, and no screen acts on: valid UTF-8 without U+0000, where some stop reading; inert."""
    return inert(value.encode(errors="replace").decode().replace("\0", "\ufffd"))
