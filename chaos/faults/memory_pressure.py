"""Take memory gradually until so much of the budget is in use, and keep it there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError
from chaos.faults.process.demand import Growth, page_faults
from chaos.faults.process.pressing import TOLERATED_POINTS, Press, Victims, hog
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S
from chaos.faults.support.fidelity import median_interval
from chaos.faults.support.inside import Inside, escaped
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.units import PositiveDuration, Share

_ROUGH_POINTS = 10.0
_FEWEST_LEVELS = 3
_PLATEAU_S = 1.0
"""What a hold must leave after the ramp, so that there is a plateau to judge."""
_LOOK_EVERY_S = 0.05
_LEAST_HELD_POINTS = 0.5
"""Of the budget: a hog with less than this was no neighbour."""


@dataclass(frozen=True, kw_only=True)
class MemoryPressure(Fault):
    """Bring the memory in use to `fill` of the sandbox's budget over `over`, then hold that level.

    A neighbour process holds private anonymous memory. It takes what the app frees, and gives way when the
    app grows, by at most 5 % of the budget a second: a sudden large allocation meets the limit. Once a process of the
    app has ended it takes no more than it had until then, and makes room at once for the one that is started again.
    """

    mechanisms = ("anonymous-memory",)

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
            if helper.receive(ANSWERS_WITHIN_S) is None:
                raise InjectionError(f"the memory hog was not ready within {ANSWERS_WITHIN_S:g} s")
            victims = Victims(target.pids)
            inside = Inside(target)
            press = Press(self.fill, self.over, memory, helper, target.pids)
            asked = {"fill_percent": _percent(self.fill)}
            notes = {"limit_bytes": memory.limit_bytes}
            faults = Growth(target.pids, page_faults)

            def look() -> Sample:
                victims.offer()
                return {**press.look(), **inside.look(), "app_faults": faults.look()}

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
        middle, low, high, effective = median_interval(levels)
        asked, pressed = _percent(self.fill), _pressed(samples)
        near = self._fits(middle, TOLERATED_POINTS, pressed)
        why = (
            f"median {middle:.1f} % of the budget used after the ramp, {asked:g} % asked, 2 points tolerated"
        )
        if early:
            why = f"ended early by {early}; until then {why}"
        if middle > asked + TOLERATED_POINTS:
            why += "; the app took more on top" if pressed else "; the app holds more by itself"
        gone = unsteady(
            levels,
            lambda level: self._fits(level, _ROUGH_POINTS, pressed),
            lambda some: self._fits(median_interval(some)[0], 2 * TOLERATED_POINTS, pressed),
        )
        why += (outside := escaped(samples))
        landed = near and not outside and not gone
        values = {"fill_percent": middle}
        return Delivered(
            values, low, high, len(levels), landed, and_why(why, gone), ended_early=early, effective=effective
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: looks at the full level at which the app had asked for memory since the one before."""
        looks = [sample for sample in samples if "app_faults" in sample and sample["phase"] != "ramp"]
        return Met.counted(
            sum(int(look["app_faults"]) > 0 for look in looks),
            len(looks),
            "looks at which the app had asked for memory while it was scarce",
            "the app asked for no memory while it was scarce",
        )

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
