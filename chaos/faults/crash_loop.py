"""Kill a process every time it comes back, for as long as the fault is held."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError
from chaos.faults.process.aim import Aim, Match, Scope, aim, nobody, read_match
from chaos.faults.process.blow import Blow, missed_in, strike
from chaos.faults.process.tree import age_s, alive, ticks
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.fidelity import median_interval
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.units import Duration

_TOLERATED_S = 0.1
"""How much longer than asked a life may last: the clock of births ticks every 10 ms, and a machine may be busy."""
_ROUGH_S = 0.5
"""How much a single life may."""
_LOOK_EVERY_S = 0.01
_DIES_WITHIN_S = 2.0
_AIMED_BEFORE_S = 0.1
"""An aim older than this is taken again before it is used, so long before that it delays nothing."""


@dataclass(frozen=True, kw_only=True)
class CrashLoop(Fault):
    """Kill a process with SIGKILL when it has lived for `alive`, again and again.

    As a process does that fails at its start, or soon after. When the hold is over it is left alone; how long it then
    takes to be back is up to its restart policy and the back-off that has grown meanwhile. It lands when what is hit
    is what serves.
    """

    mechanisms = ("sigkill-on-sight",)

    type: Literal["crash_loop"] = "crash_loop"
    process: str | None = None
    """Which one; every process of the app when not given."""
    alive: Duration = 0.0
    """How long each life may last."""
    scope: Scope = "main"
    """Who is killed: the `main` process, its whole `tree`, or `one` process of that."""
    match: Match | None = None
    """With `scope: one`: which may be chosen; any child when left out."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"alive": "2s"},
        "medium": {"alive": "500ms"},
        "high": {"alive": "0ms"},
    }

    def __post_init__(self) -> None:
        object.__setattr__(self, "match", read_match(self.match, self.scope))

    def minimum_hold_s(self) -> float:
        """See Fault: two lives."""
        return 2 * self.alive

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The first kill is sent, and its death seen, on enter."""
        names = [self.process] if self.process is not None else list(target.names())
        loops = [_Loop(self, target, name) for name in names]
        for loop in loops:
            loop.begin()
        if not any(loop.kills for loop in loops):
            known = ", ".join(target.names()) or "none"
            why = "; ".join(nobody(target, name, self.match) for name in names) or "no live process at all"
            raise InjectionError(f"{why} to kill; known: {known}")

        def observe() -> Sample | None:
            news = [sample for loop in loops if (sample := loop.look()) is not None]
            for sample in news[:-1]:
                target.measured(**sample)
            return news[-1] if news else None

        for loop in loops:
            for sample in loop.first:
                target.measured(**sample)
        yield Injection("sigkill-on-sight", "real", {"alive_s": self.alive}, observe, _LOOK_EVERY_S)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when every kill was seen to work, and, of those that came back, the median life was as asked.

        Within 100 ms. A process that nobody starts again is dead for the whole hold: it has landed, too.
        """
        kills = [sample for sample in samples if "killed_pid" in sample]
        stubborn = next((str(sample["why"]) for sample in kills if "why" in sample), "") or missed_in(kills)
        if not kills or stubborn:
            return Delivered({}, None, None, len(kills), False, stubborn or "nobody was killed")
        lives = [float(sample["lived_s"]) for sample in kills if sample["restarted"]]
        values: dict[str, float | str] = {"kills": float(len(kills)), "restarts": float(len(lives))}
        if not lives:
            why = f"{len(kills)} killed, and none came back: nothing started them again while it lasted"
            return Delivered({"alive_s": 0.0, **values}, None, None, len(kills), True, why)
        middle, low, high, effective = median_interval(lives)
        landed = abs(middle - self.alive) <= _TOLERATED_S
        why = f"{len(lives)} times it came back and was killed after {middle:.3g} s (median), {self.alive:g} s asked"
        why = f"{why}, {_TOLERATED_S * 1000:.0f} ms tolerated"
        gone = unsteady(lives, lambda life: abs(life - self.alive) <= max(_ROUGH_S, self.alive / 2))
        return Delivered(
            {"alive_s": round(middle, 6), **values},
            low,
            high,
            len(kills),
            landed and not gone,
            and_why(why, gone),
            effective=effective,
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: lives that were ended."""
        kills = sum("killed_pid" in sample and "why" not in sample for sample in samples)
        return Met.counted(kills, None, "lives of its processes were ended", "nobody was killed")


class _Loop:
    """One process by its name: seen, left alive for a while, killed, seen to die, and again."""

    def __init__(self, fault: CrashLoop, target: Target, name: str) -> None:
        self._fault, self._target, self._name = fault, target, name
        self._aimed: Aim | None = None
        self._aimed_at = 0.0
        self._last: Aim | None = None
        """Whom the last kill hit: of one process among several it is the one that replaces it which is next."""
        self.kills = 0
        self.first: list[Sample] = []

    def begin(self) -> None:
        """Kill who lives already, at once."""
        if (aimed := self._aim()) is not None and (sample := self._kill(aimed)) is not None:
            self.first.append(sample)

    def look(self) -> Sample | None:
        """What was done, when something was."""
        if self._aimed is None or not alive(self._aimed.victims[0].pid, self._aimed.victims[0].born):
            self._take_aim()
        if self._aimed is None:
            return None
        left_s = self._fault.alive - age_s(self._aimed.victims[0])
        if left_s < _AIMED_BEFORE_S < time.monotonic() - self._aimed_at:
            self._take_aim()  # who listens, and who is of its tree, was not known when this life began
        return self._kill(self._aimed) if left_s <= 0 and self._aimed else None

    def _take_aim(self) -> None:
        self._aimed, self._aimed_at = self._aim(), time.monotonic()

    def _aim(self) -> Aim | None:
        return aim(self._target, self._name, self._fault.scope, self._fault.match, self._last)

    def _kill(self, aimed: Aim) -> Sample | None:
        """None when it has gone by itself."""
        victim, hit_at = aimed.victims[0], ticks()
        lived_s = round(age_s(victim), 3)
        if (blow := strike(aimed, "SIGKILL")) is None:
            return None
        self.kills += 1
        self._last, self._aimed = replace(aimed, hit_at=hit_at), None
        sample = {
            "process": self._name,
            "killed_pid": blow.pid,
            "restarted": self.kills > 1,
            "lived_s": lived_s,
        }
        return sample | self._watch(blow)

    def _watch(self, blow: Blow) -> dict[str, Any]:
        died = blow.over(_DIES_WITHIN_S)
        age_ms = round(blow.age_s() * 1000, 3)
        told = (
            blow.told()
            if blow.dead(0)
            else {"why": f"pid {blow.pid} was still alive {age_ms / 1000:.1f} s after SIGKILL"}
        )
        blow.close()
        return {"died_after_ms": age_ms, **told} if died else dict(told)
