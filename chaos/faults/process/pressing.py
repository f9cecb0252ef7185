"""A neighbour that keeps so much of the app's memory in use, who ends before it, and what it leaves to the app."""

import contextlib
import mmap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chaos.errors import FaultError
from chaos.faults.support.base import Helper, Memory
from chaos.faults.support.channel import ANSWERS_WITHIN_S, receive, send

TOLERATED_POINTS = 2.0
_GIVE_BACK_PER_S = 0.05
"""Share of the budget that is given back per second at most. A neighbour that vanished the moment the app
wants memory would be no pressure: what the app takes faster, it takes on top, and the limit may end it."""
_STARTS_WITHIN_S = 10.0
"""How long a process that was started again may take until it has what it needs."""
_COUNTS_SHARE = 0.01
"""Of the budget: what held less than this leaves no room that anybody would miss when it ends."""


class Press:
    """Compares the level with what is wanted at this moment, and has the hog make up the difference."""

    def __init__(
        self, fill: float, over_s: float, memory: Memory, helper: Helper, pids: Callable[[], Sequence[int]]
    ) -> None:
        self._fill, self._over_s, self._memory, self._helper = fill, over_s, memory, helper
        self._began = self._looked = time.monotonic()
        self._used_at_start = memory.used_bytes()
        self._kills_at_start = memory.kills()
        self._held = 0
        self._full = False
        self._lost: str | None = None
        self._room = _Room(pids, fill * memory.limit_bytes, _COUNTS_SHARE * memory.limit_bytes)

    def look(self) -> dict[str, Any]:
        """One sample of the level as the last correction left it, then the next correction."""
        used, kills = self._memory.used_bytes(), self._memory.kills() - self._kills_at_start
        self._room.look(used - self._held)
        level = {"fill_percent": self._of_budget(used), "hog_percent": self._of_budget(self._held)}
        if kills:
            level["kills"] = kills
        if self._lost is None:
            try:
                bounded = self._correct(used)
            except FaultError as error:
                self._lost, self._held = self._who_ended_it(error), 0
            else:
                phase = "ramp" if not self._full else "restarted" if bounded else "plateau"
                return {**level, "phase": phase}
        return {**level, "phase": "lost", "why": self._lost}

    def _who_ended_it(self, error: FaultError) -> str:
        if self._memory.kills() > self._kills_at_start:
            return f"the end of the hog for want of memory: {error}"
        return f"the end of the hog: {error}"

    def _of_budget(self, size: int) -> float:
        return round(size / self._memory.limit_bytes * 100, 3)

    def _wanted(self, now: float) -> float:
        """Bytes that should be in use: a straight line from the start, then level."""
        done = min(1.0, (now - self._began) / self._over_s)
        self._full = done == 1.0
        goal = self._fill * self._memory.limit_bytes
        return self._used_at_start + done * (goal - self._used_at_start)

    def _correct(self, used: int) -> bool:
        """Whether the hog would have had to take more than its share."""
        now = time.monotonic()
        change = self._wanted(now) - used
        most_back = _GIVE_BACK_PER_S * (now - self._looked) * self._memory.limit_bytes
        self._looked = now
        if not self._room.wanted(now):
            change = max(change, -most_back)
        wanted = max(0, self._held + int(change))
        held = min(wanted, self._room.share)
        if abs(held - self._held) >= mmap.PAGESIZE:
            self._helper.send({"hold_bytes": held})
            answer = self._helper.receive(ANSWERS_WITHIN_S)
            if answer is None:
                raise FaultError(f"the memory hog did not answer within {ANSWERS_WITHIN_S:g} s")
            self._held = int(answer["held_bytes"])
        return wanted - held > TOLERATED_POINTS / 100 * self._memory.limit_bytes


class _Room:
    """What an app that ends and is started again gets of the budget: what it had, and at once."""

    def __init__(self, pids: Callable[[], Sequence[int]], goal_bytes: float, counts_bytes: float) -> None:
        self._pids, self._goal, self._counts = pids, goal_bytes, counts_bytes
        self._sizes = self._look()
        self._app_bytes = 0.0
        self._until = 0.0
        self.share = 2**63
        """The most that the hog may take."""

    def look(self, app_bytes: float) -> None:
        """Note who has gone and who is new; `app_bytes` is what is in use beside the hog."""
        sizes = self._look()
        gone = sum(size for pid, size in self._sizes.items() if pid not in sizes)
        if gone >= self._counts:
            self.share = max(0, min(self.share, int(self._goal - self._app_bytes)))
            self._until = time.monotonic() + _STARTS_WITHIN_S
        self._sizes, self._app_bytes = sizes, app_bytes

    def wanted(self, now: float) -> bool:
        """Whether somebody may just be starting."""
        return now < self._until

    def _look(self) -> dict[int, int]:
        return {pid: _own_bytes(pid) for pid in self._pids()}


def _own_bytes(pid: int) -> int:
    """Resident memory that is no file's and nobody else's (statm of proc(5)); 0 when it has gone."""
    try:
        _, resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[:3]
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * mmap.PAGESIZE


class Victims:
    """The app's processes, which the kernel is to end before the hog when the limit is hit.

    Otherwise it ends the largest, which is the hog: the pressure would vanish at the moment it tells. Anybody may
    raise the score of a process of his own, and lower it again to what it was (oom_score_adj, proc(5)).
    """

    def __init__(self, pids: Callable[[], Sequence[int]]) -> None:
        self._pids = pids
        self._scores: dict[int, str] = {}

    def offer(self) -> None:
        """Raise the score of those that are new."""
        for pid in self._pids():
            if pid not in self._scores:
                self._scores[pid] = _swap_score(pid, "1000")

    def forget(self) -> None:
        """Give everybody his score back."""
        for pid, score in self._scores.items():
            if score:
                _swap_score(pid, score)


def _swap_score(pid: int, score: str) -> str:
    """Set how readily the kernel ends it; what it was, empty when it cannot be set or the process has gone."""
    file = Path(f"/proc/{pid}/oom_score_adj")
    try:
        before = file.read_text().strip()
        file.write_text(score)
    except OSError:
        return ""
    return before


def hog(capacity_bytes: int) -> None:
    """Helper: hold as many bytes of touched private memory as told, until the channel ends.

    One reservation, touched from its start on; without huge pages, so that a byte asked is a byte used.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    with mmap.mmap(-1, capacity_bytes, flags=flags) as memory:
        with contextlib.suppress(OSError):  # a kernel without huge pages refuses the advice
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        send({"held_bytes": 0})
        held = 0
        while (order := receive()) is not None:
            wanted = min(int(order["hold_bytes"]), capacity_bytes) // mmap.PAGESIZE * mmap.PAGESIZE
            if wanted > held:
                _touch(memory, held, wanted)
            elif wanted < held:
                memory.madvise(mmap.MADV_DONTNEED, wanted, held - wanted)
            held = wanted
            send({"held_bytes": held})


def _touch(memory: mmap.mmap, begin: int, end: int) -> None:
    block = b"\1" * 2**20
    for at in range(begin, end, len(block)):
        stop = min(at + len(block), end)
        memory[at:stop] = block[: stop - at]
