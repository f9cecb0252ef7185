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
from chaos.faults.base import Delivered, Fault, Helper, Injection, Memory, Sample, Target
from chaos.faults.channel import receive, send
from chaos.faults.fidelity import median_interval
from chaos.faults.inside import Inside, escaped
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
_LEAST_HELD_POINTS = 0.5
"""Of the budget: a hog with less than this was no neighbour."""
_STARTS_WITHIN_S = 10.0
"""How long a process that was started again may take until it has what it needs."""


@dataclass(frozen=True, kw_only=True)
class MemoryPressure(Fault):
    """Bring the memory in use to `fill` of the sandbox's budget over `over`, then hold that level.

    A neighbour process holds private anonymous memory. It takes what the app frees, and gives way when the
    app grows, by at most 5 % of the budget a second: a sudden large allocation meets the limit. Once a process of the
    app has ended it takes no more than it had until then, and makes room at once for the one that is started again.
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
            press = _Press(self, memory, helper, target.pids)
            asked = {"fill_percent": _percent(self.fill)}
            notes = {"limit_bytes": memory.limit_bytes}

            def look() -> Sample:
                victims.offer()
                return {**press.look(), **inside.look()}

            with target.undo("which process the kernel ends first", victims.forget):
                yield Injection("anonymous-memory", memory.kind, asked, look, _LOOK_EVERY_S, notes)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when the median level after the ramp is within 2 points of asked, as long as the hog lived.

        Or above it, when the hog held a part of it and the app took more on top. Where the app met its limit before
        the ramp was over, the level just before that tells, within 10 points.
        """
        levels = [float(sample["fill_percent"]) for sample in samples if sample["phase"] == "plateau"]
        early = next((str(sample["why"]) for sample in samples if sample["phase"] == "lost"), "")
        if len(levels) < _FEWEST_LEVELS:
            return self._short(samples, len(levels), early)
        middle, low, high = median_interval(levels)
        asked, pressed = _percent(self.fill), _pressed(samples)
        near = self._fits(middle, _TOLERATED_POINTS, pressed)
        why = (
            f"median {middle:.1f} % of the budget used after the ramp, {asked:g} % asked, 2 points tolerated"
        )
        if early:
            why = f"ended early by {early}; until then {why}"
        if middle > asked + _TOLERATED_POINTS:
            why += "; the app took more on top" if pressed else "; the app holds more by itself"
        gone = unsteady(
            levels,
            lambda level: self._fits(level, _ROUGH_POINTS, pressed),
            lambda some: self._fits(median_interval(some)[0], 2 * _TOLERATED_POINTS, pressed),
        )
        why += (outside := escaped(samples))
        landed = near and not outside and not gone
        values = {"fill_percent": middle}
        return Delivered(values, low, high, len(levels), landed, and_why(why, gone), ended_early=early)

    def _fits(self, level: float, points: float, pressed: bool) -> bool:
        """Whether a level is as asked; above it as well, where that is the app's doing beside the hog."""
        off = level - _percent(self.fill)
        return -points <= off and (off <= points or pressed)

    def _short(self, samples: Sequence[Sample], plateau: int, early: str) -> Delivered:
        """Of a hold with no plateau to speak of: whether the app met its limit on the way up."""
        kills = [index for index, sample in enumerate(samples) if sample.get("kills")]
        before = (
            max((float(each["fill_percent"]) for each in samples[: kills[0]]), default=0.0) if kills else 0.0
        )
        if kills and _pressed(samples) and before >= _percent(self.fill) - _ROUGH_POINTS:
            why = f"the app met its limit in the ramp, with {before:.1f} % of the budget used just before"
            why = f"ended early by {early}; until then {why}" if early else why
            return Delivered({"fill_percent": before}, None, None, len(samples), True, why, ended_early=early)
        why = f"it was ended by {early}, and before that {_few(plateau)}" if early else _few(plateau)
        return Delivered({}, None, None, len(samples), False, why)


def _pressed(samples: Sequence[Sample]) -> bool:
    """Whether the hog held a part of what was used."""
    held = [
        float(sample.get("hog_percent", 0.0)) for sample in samples if sample["phase"] in ("ramp", "plateau")
    ]
    return bool(held) and median_interval(held)[0] >= _LEAST_HELD_POINTS


def _few(count: int) -> str:
    if not count:
        return "the hold ended before the ramp did: no sample at the full level"
    return f"only {count} samples at the full level; {_FEWEST_LEVELS} are needed"


def _percent(share: float) -> float:
    return round(share * 100, 9)


class _Press:
    """Compares the level with what is wanted at this moment, and has the hog make up the difference."""

    def __init__(
        self, fault: MemoryPressure, memory: Memory, helper: Helper, pids: Callable[[], Sequence[int]]
    ) -> None:
        self._fault, self._memory, self._helper = fault, memory, helper
        self._began = self._looked = time.monotonic()
        self._used_at_start = memory.used_bytes()
        self._kills_at_start = memory.kills()
        self._held = 0
        self._full = False
        self._lost: str | None = None
        self._room = _Room(pids)

    def look(self) -> dict[str, Any]:
        """One sample of the level as the last correction left it, then the next correction."""
        self._room.look(self._held)
        used, kills = self._memory.used_bytes(), self._memory.kills() - self._kills_at_start
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
        done = min(1.0, (now - self._began) / self._fault.over)
        self._full = done == 1.0
        goal = self._fault.fill * self._memory.limit_bytes
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
            answer = self._helper.receive(_ANSWER_WITHIN_S)
            if answer is None:
                raise FaultError(f"the memory hog did not answer within {_ANSWER_WITHIN_S:g} s")
            self._held = int(answer["held_bytes"])
        return wanted - held > _TOLERATED_POINTS / 100 * self._memory.limit_bytes


class _Room:
    """What an app that ends and is started again gets of the budget: what it had, and at once."""

    def __init__(self, pids: Callable[[], Sequence[int]]) -> None:
        self._pids = pids
        self._alive = frozenset(pids())
        self._until = 0.0
        self.share = 2**63
        """The most that the hog may take."""

    def look(self, held: int) -> None:
        """Note who has gone and who is new."""
        alive = frozenset(self._pids())
        if self._alive - alive:
            self.share = min(self.share, held)
        if alive != self._alive and self.share < 2**63:
            self._until = time.monotonic() + _STARTS_WITHIN_S
        self._alive = alive

    def wanted(self, now: float) -> bool:
        """Whether somebody may just be starting."""
        return now < self._until


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
