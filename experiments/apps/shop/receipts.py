"""What is kept in memory to answer faster, and what is done about it when memory gets short."""

import logging
import mmap
import threading
import time
from collections import OrderedDict
from pathlib import Path

log = logging.getLogger("shop.receipts")

KEPT_AT_MOST = 256
SHORT_ABOVE = 0.7
LOOK_EVERY_S = 0.2
CATALOGUE_MIB = 200
RENEW_EVERY_S = 2.0
CGROUPS = Path("/sys/fs/cgroup")


class Receipts:
    """The last receipts, 16 KiB each, dropped while memory is short."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._turn = threading.Lock()
        self._looked = 0.0
        self.short = False
        """Whether memory was short at the last look."""

    def keep(self, number: int, receipt: str) -> None:
        """Keep one more, unless memory is short; forget the oldest beyond 256."""
        with self._turn:
            self._look()
            if self.short:
                return
            self._kept[number] = receipt.encode().ljust(16 * 1024)
            if len(self._kept) > KEPT_AT_MOST:
                self._kept.popitem(last=False)

    @property
    def kept(self) -> int:
        """How many receipts are kept."""
        return len(self._kept)

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_S:
            return
        self._looked = now
        used = memory_used_share()
        short = used is not None and used > SHORT_ABOVE
        if short and not self.short:
            log.warning("%.0f %% of the memory is in use: dropping %d receipts", used * 100, len(self._kept))
            self._kept.clear()
        if self.short and not short:
            log.warning("memory is no longer short")
        self.short = short


class FragileReceipts:
    """A whole catalogue in memory; each renewal builds the new one before it lets go of the old one."""

    short = False
    kept = 0

    def __init__(self) -> None:
        self._catalogue = self._build()
        threading.Thread(target=self._renew, daemon=True).start()

    def keep(self, number: int, receipt: str) -> None:
        """The catalogue is all that is kept."""

    def _renew(self) -> None:
        while True:
            time.sleep(RENEW_EVERY_S)
            self._catalogue = self._build()

    def _build(self) -> mmap.mmap:
        # Mapped, not allocated: the allocator would keep what was dropped, and renew in place the next time.
        catalogue = mmap.mmap(-1, CATALOGUE_MIB * 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for _ in range(CATALOGUE_MIB):
            catalogue.write(b"\1" * 2**20)
        return catalogue


def memory_used_share() -> float | None:
    """How much of the container's memory is in use, by its control group; None without a limit."""
    for used, limit, cache in (
        ("memory.current", "memory.max", "inactive_file"),
        ("memory/memory.usage_in_bytes", "memory/memory.limit_in_bytes", "total_inactive_file"),
    ):
        try:
            most = int((CGROUPS / limit).read_text())
            now = int((CGROUPS / used).read_text())
            stat = (CGROUPS / used).with_name("memory.stat").read_text()
        except (OSError, ValueError):  # not this version; or `max`: no limit
            continue
        droppable = next((int(line.split()[1]) for line in stat.splitlines() if line.split()[0] == cache), 0)
        return (now - droppable) / most if most < 2**60 else None
    return None
