"""Recent requests of the load, and the numbers of any second of them, as in the report."""

from bisect import bisect_left, insort
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from chaos.analysis.chart import RequestWindow, second_before
from chaos.run_spec.model import RunSpec
from chaos.statistics.latencies import DEFAULT_TIMEOUT_S, Request, request_of

_AT = attrgetter("at")


class RecentRequests:
    """By the time for which they were intended; older ones than anybody can still answer are forgotten."""

    def __init__(self, plan: RunSpec) -> None:
        self.timeout_s = (plan.load.timeout_s if plan.load else 0.0) or DEFAULT_TIMEOUT_S
        self._found: list[Request] = []

    def add(self, at: float, said: Mapping[str, Any]) -> bool:
        """Whether it counts: it was sent."""
        request = request_of(at, said, self.timeout_s)
        if request.sent:
            insort(self._found, request, key=_AT)
        return request.sent

    def window(self, begin: float, at: float) -> RequestWindow | None:
        """The second before a moment, as far as it is after the beginning; None when nothing was sent in it."""
        return second_before(self._found, begin, at)

    def first_after(self, moment: float) -> float | None:
        """When the first one then or later was to be sent."""
        at = bisect_left(self._found, moment, key=_AT)
        return self._found[at].at if at < len(self._found) else None

    def forget(self, before: float) -> None:
        """Those."""
        del self._found[: bisect_left(self._found, before, key=_AT)]

    def __len__(self) -> int:
        return len(self._found)
