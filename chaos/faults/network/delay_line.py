"""Items that wait until they are due, and then go in the order of their times. Pure."""

import heapq
from typing import Generic, TypeVar

Item = TypeVar("Item")


class DelayLine(Generic[Item]):
    """Items that are due at once go in the order they came."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Item]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, due: float, item: Item) -> None:
        """Hold an item until `due`."""
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
