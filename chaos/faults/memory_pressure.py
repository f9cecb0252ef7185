"""Take memory gradually until so much of the budget is in use, and keep it there."""

import contextlib
import mmap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from chaos.errors import FaultError, InjectionError
from chaos.faults.base import Delivered, Fault, Helper, Injection, Memory, Met, Sample, Target
from chaos.faults.channel import receive, send
from chaos.faults.fidelity import median_interval
from chaos.faults.inside import Inside, escaped
from chaos.faults.process.demand import Growth, page_faults
from chaos.faults.steadiness import and_why, unsteady
from chaos.units import PositiveDuration, Share

_TOLERATED_POINTS = 2.0
_ROUGH_POINTS = 10.0
_FEWEST_LEVELS = 3
_PLATEAU_S = 1.0
"""What a hold must leave after the ramp, so that there is a plateau to judge."""
_LOOK_EVERY_S = 0.05
_GIVE_BACK_PER_S = 0.05
"""Share of the budget that is given back per second at most. A neighbour that vanished the moment the app
wants memory would be no pressure: what the app takes faster, it takes on top, and the limit may end it."""
_ANSWER_WITHIN_S = 5.0


@dataclass(frozen=True, kw_only=True)
class MemoryPressure(Fault):
    """Bring the memory in use to `fill` of the sandbox's budget over `over`, then hold that level.

    A neighbour process holds private anonymous memory. It takes what the app frees, and gives way when the
    app grows, by at most 5 % of the budget a second: a sudden large allocation meets the limit.
    """

    type: Literal["memory_pressure"] = "memory_pressure"
    fill: Share = 0.8
    over: PositiveDuration = 20.0

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"fill": "60%", "over": "10s"},
        "medium": {"fill": "80%", "over": "10s"},
        "high": {"fill": "95%", "over": "5s"},
    }

    def __post_init__(self) -> None:
        if self.fill <= 0:
            raise ValueError("fill must be above 0%")

    def minimum_hold_s(self) -> float:
        """See Fault: the ramp, and a plateau."""
        return self.over + _PLATEAU_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The ramp begins when the context is entered; `observe` drives it."""
        memory = target.memory
        with target.helper(hog, in_memory_limit=True, capacity_bytes=memory.limit_bytes) as helper:
            if helper.receive(_ANSWER_WITHIN_S) is None:
                raise InjectionError(f"the memory hog was not ready within {_ANSWER_WITHIN_S:g} s")
            victims = _Victims(target.pids)
            inside = Inside(target)
            press = _Press(self, memory, helper, victims)
            asked = {"fill_percent": _percent(self.fill)}
            notes = {"limit_bytes": memory.limit_bytes}
            faults = Growth(target.pids, page_faults)

            def look() -> Sample:
                return {**press.look(), **inside.look(), "app_faults": faults.look()}

            with target.undo("which process the kernel ends first", victims.forget):
                yield Injection("anonymous-memory", memory.kind, asked, look, _LOOK_EVERY_S, notes)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when the median level after the ramp is within 2 points of asked and the hog lived."""
        levels = [float(sample["fill_percent"]) for sample in samples if sample["phase"] == "plateau"]
        lost = next((sample for sample in samples if sample["phase"] == "lost"), None)
        if len(levels) < _FEWEST_LEVELS:
            why = _loss(lost) if lost else _few(len(levels))
            return Delivered({}, None, None, len(samples), False, why)
        middle, low, high = median_interval(levels)
        asked = _percent(self.fill)
        near = abs(middle - asked) <= _TOLERATED_POINTS
        why = (
            f"median {middle:.1f} % of the budget used after the ramp, {asked:g} % asked, 2 points tolerated"
        )
        if lost:
            why = f"{_loss(lost)}; before that {why}"
        elif not near and middle > asked:
            why += "; the app holds more by itself"
        gone = unsteady(
            levels,
            lambda level: abs(level - asked) <= _ROUGH_POINTS,
            lambda some: abs(median_interval(some)[0] - asked) <= 2 * _TOLERATED_POINTS,
        )
        why += (outside := escaped(samples))
        landed = near and lost is None and not outside and not gone
        return Delivered({"fill_percent": middle}, low, high, len(levels), landed, and_why(why, gone))

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: looks at the full level at which the app had asked for memory since the one before."""
        looks = [sample for sample in samples if "app_faults" in sample and sample["phase"] != "ramp"]
        return Met.counted(
            sum(int(look["app_faults"]) > 0 for look in looks),
            len(looks),
            "looks at which the app had asked for memory while it was scarce",
            "the app asked for no memory while it was scarce",
        )


def _few(count: int) -> str:
    if not count:
        return "the hold ended before the ramp did: no sample at the full level"
    return f"only {count} samples at the full level; {_FEWEST_LEVELS} are needed"


def _percent(share: float) -> float:
    return round(share * 100, 9)


def _loss(sample: Sample) -> str:
    return f"the memory hog did not survive ({sample['why']})"


class _Press:
    """Compares the level with what is wanted at this moment, and has the hog make up the difference."""

    def __init__(self, fault: MemoryPressure, memory: Memory, helper: Helper, victims: "_Victims") -> None:
        self._fault, self._memory, self._helper, self._victims = fault, memory, helper, victims
        self._began = self._looked = time.monotonic()
        self._used_at_start = memory.used_bytes()
        self._held = 0
        self._full = False
        self._lost: str | None = None

    def look(self) -> dict[str, Any]:
        """One sample of the level as the last correction left it, then the next correction."""
        self._victims.offer()
        used = self._memory.used_bytes()
        level = {"fill_percent": self._of_budget(used), "hog_percent": self._of_budget(self._held)}
        if self._lost is None:
            sample = {**level, "phase": "plateau" if self._full else "ramp"}
            try:
                self._correct(used)
            except FaultError as error:
                self._lost, self._held = str(error), 0
            else:
                return sample
        return {**level, "phase": "lost", "why": self._lost}

    def _of_budget(self, size: int) -> float:
        return round(size / self._memory.limit_bytes * 100, 3)

    def _wanted(self, now: float) -> float:
        """Bytes that should be in use: a straight line from the start, then level."""
        done = min(1.0, (now - self._began) / self._fault.over)
        self._full = done == 1.0
        goal = self._fault.fill * self._memory.limit_bytes
        return self._used_at_start + done * (goal - self._used_at_start)

    def _correct(self, used: int) -> None:
        now = time.monotonic()
        change = self._wanted(now) - used
        most_back = _GIVE_BACK_PER_S * (now - self._looked) * self._memory.limit_bytes
        self._looked = now
        held = max(0, self._held + int(max(change, -most_back)))
        if abs(held - self._held) < mmap.PAGESIZE:
            return
        self._helper.send({"hold_bytes": held})
        answer = self._helper.receive(_ANSWER_WITHIN_S)
        if answer is None:
            raise FaultError(f"the memory hog did not answer within {_ANSWER_WITHIN_S:g} s")
        self._held = int(answer["held_bytes"])


class _Victims:
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
