"""When each packet may go on: later by the delay, and never before an older packet of its own flow. Pure."""

import heapq
from collections.abc import Hashable
from random import Random
from typing import Generic, TypeVar

Item = TypeVar("Item")

_MANY_FLOWS = 20_000


class DelayLine(Generic[Item]):
    """Holds items for `delay_s`, give or take up to `jitter_s` (uniform).

    Order is kept within a flow only: across flows, one global queue would make every jittered item wait for
    the slowest before it and so raise the median.
    """

    def __init__(self, delay_s: float, jitter_s: float, random: Random) -> None:
        self._delay_s = delay_s
        self._jitter_s = jitter_s
        self._random = random
        self._heap: list[tuple[float, int, Item]] = []
        self._last: dict[Hashable, float] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, now: float, flow: Hashable, item: Item) -> None:
        """Take an item that came at `now`."""
        due = now + self._delay_s
        if self._jitter_s:
            due += self._random.uniform(-self._jitter_s, self._jitter_s)
        due = max(due, self._last.get(flow, 0.0))
        if len(self._last) > _MANY_FLOWS:
            self._last = {flow: due for flow, due in self._last.items() if due > now}
        self._last[flow] = due
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, item))

    def next_due(self) -> float | None:
        """When the first item may go; None when the line is empty."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Item]:
        """The items that may go by `now`, in order."""
        items: list[Item] = []
        while self._heap and self._heap[0][0] <= now:
            items.append(heapq.heappop(self._heap)[2])
        return items
