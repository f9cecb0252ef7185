"""Make the app's processes stand still, for good or by turns, and let them go on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError
from chaos.faults.process.aim import Aim, Match, Scope, aim, nobody, read_match
from chaos.faults.process.blow import missed_in
from chaos.faults.process.pacing import paced, pause
from chaos.faults.process.tree import alive
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.fidelity import mean_interval
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.units import PositiveDuration, Share

_TOLERATED_POINTS = 2.0
_ROUGH_POINTS = 15.0
_SHORTEST_S = 0.005
"""Shorter pauses and shorter runs are within the scheduler's own noise."""
_LOOK_EVERY_S = 0.05
_FEWEST_TURNS = 2


@dataclass(frozen=True, kw_only=True)
class ProcessPause(Fault):
    """Stop a process with its whole tree (SIGSTOP), like a long garbage collection or a frozen machine.

    Its sockets stay open and the kernel goes on accepting connections for it, but nobody answers. Whoever is
    started meanwhile is stopped, too. It lands when what stands still is what serves.
    """

    mechanisms = ("sigstop",)

    type: Literal["process_pause"] = "process_pause"
    process: str | None = None
    """Which one; every process of the app when not given."""
    share: Share = 1.0
    """Of the time that it stands still; 100% is one pause for the whole hold."""
    every: PositiveDuration = 1.0
    """With a `share` below 100%: time from the beginning of one pause to that of the next."""
    scope: Scope = "tree"
    """Who is stopped: the whole `tree`, the `main` process alone, or `one` process of the tree."""
    match: Match | None = None
    """With `scope: one`: which may be chosen; any child when left out."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"share": "10%"},
        "medium": {"share": "50%"},
        "high": {"share": "100%"},
    }

    def __post_init__(self) -> None:
        object.__setattr__(self, "match", read_match(self.match, self.scope))
        if self.share <= 0:
            raise ValueError("share must be above 0%")
        if self.share < 1 and min(self.share, 1 - self.share) * self.every < _SHORTEST_S:
            least = f"{_SHORTEST_S * 1000:.0f} ms"
            raise ValueError(f"share and every must leave pauses and runs of at least {least} each")

    def minimum_hold_s(self) -> float:
        """See Fault: two whole turns, or a moment of one pause."""
        return _FEWEST_TURNS * self.every if self.share < 1 else 3 * _LOOK_EVERY_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """Everybody is seen to stand still on enter, and to be able to run on exit."""
        meant = _Meant(self, target)
        with paced(
            target, meant.pids(), pause, alone=self.scope != "tree", share=self.share, every_s=self.every
        ) as pacer:
            asked = {"paused_percent": self._asked()}

            def observe() -> Sample | None:
                seen = pacer.look(target, meant.pids())
                return {**seen, "missed": meant.missed} if seen is not None and meant.missed else seen

            yield Injection("sigstop", "real", asked, observe, _LOOK_EVERY_S)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when the mean share of the time that nobody could run is within 2 points of asked."""
        turns = [sample for sample in samples if "turn_s" in sample]
        shares = [100 * float(turn["paused_s"]) / float(turn["turn_s"]) for turn in turns]
        if len(shares) < _FEWEST_TURNS:
            why = f"{len(shares)} turns were measured; {_FEWEST_TURNS} are needed"
            return Delivered({}, None, None, len(shares), False, why)
        mean, low, high, effective = mean_interval(shares)
        ran_ms = sum(float(turn["cpu_ms_while_paused"]) for turn in turns)
        why = f"nobody could run for {mean:.1f} % of the time, {self._asked():g} % asked, 2 points tolerated"
        why += f"; {ran_ms:.1f} ms of CPU time were used meanwhile"
        gone = unsteady(
            shares,
            lambda share: abs(share - self._asked()) <= _ROUGH_POINTS,
            lambda some: abs(mean_interval(some)[0] - self._asked()) <= 2 * _TOLERATED_POINTS,
        )
        if missed := missed_in(samples):
            why += f"; {missed}"
        landed = abs(mean - self._asked()) <= _TOLERATED_POINTS and not gone and not missed
        values = {"paused_percent": round(mean, 3)}
        return Delivered(values, low, high, len(shares), landed, and_why(why, gone), effective=effective)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: turns in which the app stood still."""
        turns = [sample for sample in samples if "turn_s" in sample]
        still = sum(float(turn["paused_s"]) > 0 for turn in turns)
        return Met.counted(
            still, len(turns), "turns in which the app stood still", "the app never stood still"
        )

    def _asked(self) -> float:
        return round(self.share * 100, 9)


class _Meant:
    """Who is to stand still: found anew when one of them has gone."""

    def __init__(self, fault: ProcessPause, target: Target) -> None:
        self._fault, self._target = fault, target
        self._names = [fault.process] if fault.process is not None else list(target.names())
        self._aims: dict[str, Aim] = {}
        self.missed = ""
        """Who serves and goes on."""
        if not self.pids():
            known = ", ".join(target.names()) or "none"
            why = "; ".join(nobody(target, name, fault.match) for name in self._names) or "no live process"
            raise InjectionError(f"{why} to stop; known: {known}")

    def pids(self) -> list[int]:
        """Pids of all of them now."""
        for name in self._names:
            known = self._aims.get(name)
            if known is None or not alive(known.victims[0].pid, known.victims[0].born):
                self._take_aim(name)
        if self._fault.scope == "tree":
            return list(self._target.pids(self._fault.process))
        return [victim.pid for each in self._aims.values() for victim in each.victims]

    def _take_aim(self, name: str) -> None:
        found = aim(self._target, name, self._fault.scope, self._fault.match)
        if found is None:
            self._aims.pop(name, None)
            return
        self._aims[name] = found
        self.missed = self.missed or found.missed()
