"""Sample writer: clean, in order, and with an end of every series that ends.

One store refuses a whole request for one bad sample. So nothing gets past here that one would refuse: no value that is
no number, no sample that is not later than its series' last one.
"""

from collections.abc import Mapping
from math import isfinite

from chaos.publish.prometheus.families import MOST_SERIES
from chaos.publish.prometheus.samples import LAST_MS, STALE, MetricSeries, Sample, series

_Key = tuple[str, str, tuple[str, ...]]


class SampleWriter:
    """Samples of one run in the order to send them; `page` takes those since the last look."""

    def __init__(self) -> None:
        self._common: Mapping[str, str] = {}
        self._phase = ""
        self._known: dict[_Key, MetricSeries] = {}
        self._newest: dict[MetricSeries, int] = {}
        self._open: dict[MetricSeries, None] = {}
        self._page: list[Sample] = []

    def begin(self, common: Mapping[str, str]) -> None:
        """Labels of all that follows."""
        self._common, self._phase = common, ""
        self._known.clear()

    def turn(self, phase: str) -> None:
        """What follows belongs to that phase."""
        self._phase = phase

    def put(self, name: str, at: float, value: float | None, **labels: str) -> None:
        """One sample, unless it is none: `at` is Unix seconds."""
        if value is None or not isfinite(value):
            return
        if (found := self._series(name, labels)) is not None and self._write(found, _ms(at), value):
            self._open[found] = None

    def stop(self, name: str, at: float, **labels: str) -> None:
        """That series ends, if it goes on at all."""
        if (found := self._series(name, labels)) in self._open:
            self._end(found, at)

    def stop_all(self, at: float) -> None:
        """Every series ends."""
        for each in list(self._open):
            self._end(each, at)

    def page(self) -> list[Sample]:
        """What was written since the last call."""
        written, self._page = self._page, []
        return written

    def _series(self, name: str, labels: dict[str, str]) -> MetricSeries | None:
        """The series of that name in this phase; None when there are too many."""
        key = (name, self._phase, tuple(labels.values()))
        if (known := self._known.get(key)) is not None:
            return known
        found = series(name, {**self._common, "phase": self._phase, **labels})
        if found not in self._newest and len(self._newest) >= MOST_SERIES:
            return None
        self._known[key] = found
        self._newest.setdefault(found, -1)
        return found

    def _end(self, found: MetricSeries, at: float) -> None:
        self._write(found, max(_ms(at), self._newest[found] + 1), STALE)
        del self._open[found]

    def _write(self, found: MetricSeries, at_ms: int, value: float) -> bool:
        """Whether it could come after what is written already."""
        later = self._newest[found] < at_ms <= LAST_MS
        if later:
            self._newest[found] = at_ms
            self._page.append(Sample(found, at_ms, value))
        return later


def _ms(at: float) -> int:
    return round(at * 1000) if isfinite(at) else -1
