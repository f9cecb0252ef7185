"""Remember every order on disk, also when the disk has no room for a while."""

import json
import logging
import os
import threading
from collections import deque
from pathlib import Path
from typing import Any

log = logging.getLogger("shop.orders")

PATH = Path(os.environ.get("ORDER_LOG", "/tmp/orders.log"))
WAITING_AT_MOST = int(os.environ.get("ORDERS_WAITING_AT_MOST", "100000"))


class Orders:
    """An append-only log. Without room, orders wait in memory and go to disk when there is room again."""

    def __init__(self) -> None:
        self._file = os.open(PATH, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._turn = threading.Lock()
        self._waiting: deque[bytes] = deque(maxlen=WAITING_AT_MOST)
        self.taken = 0

    @property
    def waiting(self) -> int:
        """How many orders are not on disk yet."""
        return len(self._waiting)

    def take(self, order: dict[str, Any]) -> None:
        """Never fails: an order taken is an order kept."""
        with self._turn:
            self.taken += 1
            was_waiting = self.waiting
            self._waiting.append(json.dumps(order).encode() + b"\n")
            try:
                self._write_all()
            except OSError as error:
                if not was_waiting:
                    log.error("cannot write %s (%s): keeping orders in memory", PATH, error.strerror)
            else:
                if was_waiting:
                    log.warning("%s can be written again: %d orders caught up", PATH, was_waiting)

    def _write_all(self) -> None:
        lines = b"".join(self._waiting)
        before = os.fstat(self._file).st_size
        written = os.write(self._file, lines)
        if written < len(lines):
            os.ftruncate(self._file, before)  # half an order is worse than none
            written = lines.rindex(b"\n", 0, written) + 1 if b"\n" in lines[:written] else 0
            os.write(self._file, lines[:written])
        for _ in range(lines.count(b"\n", 0, written)):
            self._waiting.popleft()
        if self._waiting:
            raise OSError(28, os.strerror(28))


class FragileOrders:
    """A file is opened and written, and that will surely work."""

    waiting = 0

    def __init__(self) -> None:
        self.taken = 0

    def take(self, order: dict[str, Any]) -> None:
        """Raises OSError when the disk is full."""
        with PATH.open("a") as file:
            file.write(json.dumps(order) + "\n")
        self.taken += 1
