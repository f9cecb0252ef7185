"""What a control group gets of a disk while somebody in it always asks for more: a helper asks, the kernel counts."""

import itertools
import mmap
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from chaos.errors import FaultError, InjectionError
from chaos.faults.linux.blkio import BlkioLimits
from chaos.faults.support.base import Helper, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S, receive, send
from chaos.faults.support.unnamed import unnamed_file

SETTLE_S = 0.15
"""What an idle group may move at once: the kernel hands out its allowance in slices of a tenth of a second."""
ENOUGH = 2.0
"""The disk must give so many times the limit without it."""
_WINDOW_S = 0.5
_LUMPS_WITHIN_S = 2.5
"""For one that moves little at a time, such as an app's whole pages of 64 KiB at 128 KiB/s."""
_APART_S = 0.03
_FEWEST_BURSTS = 3
_STREAM = 12
_LOOK_S = 0.005
_DONE_WITHIN_S = 0.3
_TRIES_BEFORE = 5
_FILES_LOOKED_AT = 5000
_REGION = 2**22
_AT_A_TIME = 4


class Moves:
    """Bytes a second from the end of one burst to the end of another: what is moved at once is in a window or is not.

    The kernel lets a group move in slices of a tenth of a second, and an app moves whole pages.
    """

    def __init__(self) -> None:
        self._bursts: list[tuple[float, int]] = []
        """When each began, and what was moved at its end."""
        self._looks: list[tuple[float, int]] = []
        self._changed_at = 0.0
        self._changes = 0

    def look(self, at: float, moved: int) -> None:
        """So much was moved until then."""
        if self._looks and moved != self._looks[-1][1]:
            self._changes += 1
            goes_on = self._bursts and at - self._changed_at < _APART_S
            self._bursts.append((self._bursts.pop()[0] if goes_on else at, moved))
            self._changed_at = at
        self._looks = [*self._looks[:1], (at, moved)]

    @property
    def enough(self) -> bool:
        """Whether a rate can be told: of bursts, or of a stream."""
        return len(self._bursts) > _FEWEST_BURSTS or self._changes >= _STREAM

    def rate(self) -> float:
        """Between bursts that are over; of the whole time where they are too few."""
        over = self._looks[-1][0] - self._changed_at >= _APART_S
        bursts = self._bursts if over else self._bursts[:-1]
        told = bursts if len(bursts) >= _FEWEST_BURSTS else self._looks
        (began, before), (ended, after) = told[0], told[-1]
        return (after - before) / (ended - began) if ended > began else 0.0


def _counted(limits: BlkioLimits, way: str) -> None:
    try:
        limits.count(way)
    except OSError as error:
        raise InjectionError(f"cannot count the {way}s of {limits.device}: {error.strerror}") from error


class DiskLook:
    """Has a helper ask for all it can get, and reads what its group got from the kernel."""

    def __init__(
        self,
        target: Target,
        limits: BlkioLimits,
        twin: BlkioLimits,
        helpers: Sequence[tuple[str, Helper]],
        rates: Mapping[str, float],
    ) -> None:
        self._target, self._limits, self._twin, self._helpers, self._rates = (
            target,
            limits,
            twin,
            helpers,
            rates,
        )
        self._asking: set[str] = set()
        for way, helper in helpers:
            _counted(twin, way)
            twin.join(helper.pid)

    def __call__(self) -> dict[str, Any] | None:
        """One window of each way; None when the hold ended in it."""
        try:
            seen = {way: round(rate, 1) for way, rate in self.windows(_WINDOW_S).items()}
        except FaultError as error:
            return {"why": str(error)}
        lost = [way for way, rate in self._rates.items() if self._limits.get(way) != int(rate)]
        if lost:
            return {"why": f"somebody changed the {lost[0]} limit of the app's group"}
        return seen or None

    def unlimited(self) -> dict[str, float]:
        """The best of a few short windows before there is a limit: a disk may stall for a moment."""
        best = dict.fromkeys(self._rates, 0.0)
        for _ in range(_TRIES_BEFORE):
            seen = self.windows(SETTLE_S)
            best = {way: max(rate, seen.get(way, 0.0)) for way, rate in best.items()}
            if all(rate > ENOUGH * self._rates[way] for way, rate in best.items()):
                break
        return best

    def windows(self, seconds: float) -> dict[str, float]:
        """Bytes a second that the group moved while asked for more; empty when the step ends meanwhile.

        Where the app itself stands in line, ours may wait for longer than that: its question stays open, and is asked
        enough.
        """
        self._ask(SETTLE_S + seconds)
        ended = self._target.wait(SETTLE_S)
        began = time.monotonic()
        moves = {way: Moves() for way, _ in self._helpers}
        while not ended:
            for way, each in moves.items():
                each.look(time.monotonic(), self._twin.moved(way))
            took = time.monotonic() - began
            if took >= (seconds if all(each.enough for each in moves.values()) else _LUMPS_WITHIN_S):
                break
            if took >= seconds:
                self._ask(seconds)
            ended = self._target.wait(_LOOK_S)
        if ended:
            return {}
        rates = {way: each.rate() for way, each in moves.items()}
        self._hear(_DONE_WITHIN_S)
        return rates

    def _ask(self, for_s: float) -> None:
        self._hear(0)
        for way, helper in self._helpers:
            if way not in self._asking:
                helper.send({"for_s": for_s})
                self._asking.add(way)

    def _hear(self, within_s: float) -> None:
        """Who has done what it was asked for."""
        for way, helper in self._helpers:
            if way in self._asking and helper.receive(within_s) is not None:
                self._asking.discard(way)


@contextmanager
def demand(target: Target, path: str, way: str, rate: float) -> Iterator[tuple[str, Helper]]:
    """The way (`read` or `write`) and the helper that asks for it when told, for as long as the block lasts.

    Raises InjectionError.
    """
    with target.helper(ask, path=path, way=way, block=_block_of(rate)) as helper:
        if helper.receive(ANSWERS_WITHIN_S) is None:
            raise InjectionError(f"the side-band was not ready within {ANSWERS_WITHIN_S:g} s")
        yield way, helper


def _block_of(rate: float) -> int:
    """Whole pages, so small that those in flight weigh little in a window."""
    return min(2**18, max(1, int(rate / 100 / 4096)) * 4096)


def ask(path: str, way: str, block: int) -> None:
    """Helper: read, or write, past the page cache for as long as told, each time it is told.

    Several at a time: an allowance that nobody asks for at the moment is lost, and a busy machine lets us wait.
    """
    file, size = file_to_read(path) if way == "read" else _file_to_write(path)
    everywhere = itertools.cycle(range(0, max(block, size - block), block))
    send({"ready": way})
    while (order := receive()) is not None:
        until = time.monotonic() + float(order["for_s"])
        threads = [
            Thread(target=_move, args=(file, way, block, everywhere, until)) for _ in range(_AT_A_TIME)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        send({"done": True})


def _move(file: int, way: str, block: int, everywhere: Iterator[int], until: float) -> None:
    content = mmap.mmap(-1, block)
    while time.monotonic() < until:
        if way == "read":
            os.preadv(file, [content], next(everywhere))
        else:
            os.pwrite(file, content, next(everywhere))


def _file_to_write(path: str) -> tuple[int, int]:
    try:
        return unnamed_file(path, os.O_DIRECT), _REGION
    except OSError as error:
        raise InjectionError(f"cannot write to {path} past the page cache: {error.strerror}") from error


def file_to_read(path: str) -> tuple[int, int]:
    """The largest of the first few thousand files on that disk at or below `path`."""
    device = Path(path).stat().st_dev
    everything = (
        [path]
        if Path(path).is_file()
        else (f"{place}/{name}" for place, _, names in os.walk(path) for name in names)
    )
    sizes = {}
    for name in itertools.islice(everything, _FILES_LOOKED_AT):
        seen = os.lstat(name)
        if seen.st_dev == device and stat.S_ISREG(seen.st_mode):
            sizes[name] = seen.st_size // 4096 * 4096
    largest = max(sizes, key=sizes.__getitem__, default="")
    if not largest or not sizes[largest]:
        raise InjectionError(f"there is no file of a page or more at {path} to measure reads with")
    try:
        return os.open(largest, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC), sizes[largest]
    except OSError as error:
        raise InjectionError(f"cannot read {largest} past the page cache: {error.strerror}") from error
