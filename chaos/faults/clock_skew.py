"""Set the wall clock of the app's processes ahead or back, and let it drift."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.clock import library
from chaos.faults.clock.page import ClockPage, put_right_by_shell
from chaos.faults.clock.witness import ClockWitness, witness
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target, last
from chaos.faults.support.dead_man import undone_by_death
from chaos.faults.support.fidelity import median_interval, percentile, slope
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.units import DRIFT, TIME_OFFSET, Drift, TimeOffset

_SMALLEST_S = 0.1
_TOLERATED_S = 0.02
_TOLERATED_POINTS = 0.5
_SEEN_WITHIN_S = 3.0
_LOOK_EVERY_S = 0.05
_FEWEST_LOOKS = 12
_DRIFT_SHOWS_AFTER_S = 2.0
_NOTES = {
    "why_emulated": "the kernel's clock stays right: a library in the app's processes answers them with another time",
    "measured_by": "what the library told each process when it last asked, and what a process of ours sees under it",
}


@dataclass(frozen=True, kw_only=True)
class ClockSkew(Fault):
    """The wall clock of a process is off, as on a machine whose time is not kept: tokens and leases expire.

    The monotonic clock, and with it every wait for a time, stays right, and so do the times of files. Who is started
    meanwhile sees the wrong time as well. By a library that the processes are started with (LD_PRELOAD): what is
    statically linked, or asks the kernel itself as Go does, is not reached, and the result says so.
    """

    type: Literal["clock_skew"] = "clock_skew"
    process: str | None = None
    """Whose clock; that of every process of the app when not given."""
    offset: TimeOffset = 3600.0
    """How far it is off: `+1h` ahead, `-5m` behind."""
    drift: Drift = 0.0
    """How much faster (`+1%`) or slower (`-500ppm`) it runs on top of that."""

    prepares = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"offset": "+30s"},
        "medium": {"offset": "+5m"},
        "high": {"offset": "+1h"},
    }

    def __post_init__(self) -> None:
        if abs(self.offset) < _SMALLEST_S and self.drift == 0:
            raise ValueError("offset must be at least 100ms ahead or behind, or drift other than 0%")

    def missing(self) -> str | None:
        """See Fault."""
        return library.missing()

    def environment(self, process: str, work: Path, env: Mapping[str, str]) -> Mapping[str, str]:
        """See Fault: the library, and a clock of its own that is right so far."""
        if self.process not in (None, process):
            return {}
        clock = ClockPage(work, process)
        try:
            clock.make()
            return library.environment(library.put_in_place(work), clock.path, env)
        except OSError as error:
            raise InjectionError(f"the clock of {process} cannot be prepared: {error}") from error

    def minimum_hold_s(self) -> float:
        """See Fault: enough looks for an interval, and time for a drift to show."""
        return _DRIFT_SHOWS_AFTER_S if self.drift else 2 * _FEWEST_LOOKS * _LOOK_EVERY_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The witness sees the wrong time on enter, and the true one on exit."""
        clocks = self._clocks(target)
        with ExitStack() as stack:
            seer = stack.enter_context(witness(target, os.environ))
            every = [*clocks.values(), seer.clock]
            stack.enter_context(undone_by_death(*put_right_by_shell(every)))
            stack.enter_context(target.undo("the clock", lambda: _put_right(every, seer)))
            course = _Course(clocks, seer)
            for clock in every:
                clock.set(self.offset, self.drift)
            if seer.until_near(self.offset, _TOLERATED_S, _SEEN_WITHIN_S, self.drift) is None:
                raise InjectionError(f"the clock was not seen to be {TIME_OFFSET.format(self.offset)} off")
            yield Injection("preload", "emulated", self._asked(), course.look, _LOOK_EVERY_S, _NOTES)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when offset and drift are within 20 ms and 0.5 points of asked, and every process has seen it."""
        looks = [sample for sample in samples if "offset_s" in sample]
        if len(looks) < _FEWEST_LOOKS:
            why = f"the clock was looked at {len(looks)} times; {_FEWEST_LOOKS} are needed"
            return Delivered({}, None, None, len(looks), False, why)
        quick = _quickest(looks)
        held = [float(look["held_s"]) for look in quick]
        drift = slope(held, [float(look["offset_s"]) for look in quick])
        gained = drift if self.drift else 0.0
        offsets = [float(look["offset_s"]) - gained * at for look, at in zip(quick, held, strict=True)]
        offset, low, high, effective = median_interval(offsets)
        values = {"offset_s": round(offset, 6), "drift_percent": round(100 * drift, 4)}
        near = abs(offset - self.offset) <= _TOLERATED_S
        near = near and (not self.drift or 100 * abs(drift - self.drift) <= _TOLERATED_POINTS)
        unseen, misled = sorted(looks[-1]["unseen"]), self._told_otherwise(looks[-1])
        gone = unsteady(offsets, lambda seen: abs(seen - self.offset) <= 5 * _TOLERATED_S)
        landed = near and not unseen and not misled and not gone
        why = and_why(self._why(offset, drift, unseen, misled), gone)
        return Delivered(values, low, high, len(quick), landed, why, effective=effective)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: how often the processes asked the library for the time."""
        return Met.counted(
            last(samples, "asked"),
            None,
            "times the app was told the wrong time",
            "the app never asked for the time",
        )

    def _told_otherwise(self, look: Sample) -> list[str]:
        """Who was last told a time that was off by something else; of one that drifts, the moment is not known."""
        gained = self.drift * float(look["held_s"])
        low, high = sorted((self.offset, self.offset + gained))
        return [
            f"{name} was told a time that is {told:+.3f} s off"
            for name, told in sorted(look["told"].items())
            if not low - _TOLERATED_S <= told <= high + _TOLERATED_S
        ]

    def _why(self, offset: float, drift: float, unseen: Sequence[str], misled: Sequence[str]) -> str:
        if unseen:
            return (
                f"{', '.join(unseen)} never asked the library for the time while it was wrong: statically linked, "
                "asking the kernel itself, or not interested in the time"
            )
        why = f"the clock was {offset:+.3f} s off, {TIME_OFFSET.format(self.offset)} asked, "
        why += f"{_TOLERATED_S * 1000:.0f} ms tolerated"
        if self.drift:
            why += f"; it drifted by {100 * drift:+.3g} %, {DRIFT.format(self.drift)} asked"
        return f"{why}; {', '.join(misled) or 'every process asked and was told so'}"

    def _asked(self) -> dict[str, float | str]:
        return {"offset_s": self.offset, "drift_percent": round(self.drift * 100, 9)}

    def _clocks(self, target: Target) -> dict[str, ClockPage]:
        names = [self.process] if self.process else list(target.names())
        clocks = {name: ClockPage(target.work, name) for name in names}
        for name, clock in clocks.items():
            if not clock.is_there:
                raise InjectionError(f"{name} was not started under a clock that can be set")
            if not target.pids(name):
                raise InjectionError(f"no live process {name}")
        return clocks


def _quickest(looks: Sequence[Sample]) -> Sequence[Sample]:
    """Those whose answer came soonest, half of them: what a machine adds is in the others (RFC 5905, section 10)."""
    longest = percentile([float(look["uncertain_s"]) for look in looks], 0.5)
    return [look for look in looks if look["uncertain_s"] <= longest]


class _Course:
    """Looks at the witness and at what the processes were told since; begin it before the clocks are set."""

    def __init__(self, clocks: Mapping[str, ClockPage], seer: ClockWitness) -> None:
        self._clocks = clocks
        self._seer = seer
        self._asked = {name: clock.told().asked for name, clock in clocks.items()}
        self._began = time.monotonic()

    def look(self) -> Sample:
        """How far the witness's clock is off, for how long it has been, and who was told what."""
        held_s = time.monotonic() - self._began
        seen = self._seer.look()
        told = {name: clock.told() for name, clock in self._clocks.items()}
        asking = {name: now.off_by_s for name, now in told.items() if now.asked > self._asked[name]}
        return {
            "offset_s": round(seen.offset_s, 6),
            "uncertain_s": round(seen.uncertain_s, 6),
            "held_s": round(held_s, 6),
            "told": {name: round(off_by_s, 6) for name, off_by_s in asking.items()},
            "unseen": sorted(told.keys() - asking.keys()),
            "asked": sum(now.asked - self._asked[name] for name, now in told.items()),
        }


def _put_right(clocks: Sequence[ClockPage], seer: ClockWitness) -> None:
    for clock in clocks:
        clock.put_right()
    if seer.until_near(0.0, _TOLERATED_S, _SEEN_WITHIN_S) is None:
        raise RecoveryError("the clock was not seen to be right again")
