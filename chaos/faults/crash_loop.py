"""Kill a process every time it comes back, for as long as the fault is held."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError
from chaos.faults.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.fidelity import median_interval
from chaos.faults.process.signals import Shot, shoot
from chaos.faults.process.tree import Process, age_s, look
from chaos.units import Duration

_TOLERATED_S = 0.1
"""How much longer than asked a life may last: the clock of births ticks every 10 ms, and a machine may be busy."""
_LOOK_EVERY_S = 0.01
_DIES_WITHIN_S = 2.0


@dataclass(frozen=True, kw_only=True)
class CrashLoop(Fault):
    """Kill the main process with SIGKILL when it has lived for `alive`, again and again.

    As a process does that fails at its start, or soon after. When the hold is over it is left alone; how long it then
    takes to be back is up to its restart policy and the back-off that has grown meanwhile.
    """

    type: Literal["crash_loop"] = "crash_loop"
    process: str | None = None
    """Which one; every process of the app when not given."""
    alive: Duration = 0.0
    """How long each life may last."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"alive": "2s"},
        "medium": {"alive": "500ms"},
        "high": {"alive": "0ms"},
    }

    def minimum_hold_s(self) -> float:
        """See Fault: two lives."""
        return 2 * self.alive

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The first kill is sent, and its death seen, on enter."""
        names = [self.process] if self.process is not None else list(target.names())
        loops = [_Loop(target, name, self.alive) for name in names]
        for loop in loops:
            loop.begin()
        if not any(loop.kills for loop in loops):
            known = ", ".join(target.names()) or "none"
            raise InjectionError(f"no live process {self.process or 'at all'} to kill; known: {known}")

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
        stubborn = next((str(sample["why"]) for sample in kills if "why" in sample), None)
        if not kills or stubborn:
            return Delivered({}, None, None, len(kills), False, stubborn or "nobody was killed")
        lives = [float(sample["lived_s"]) for sample in kills if sample["restarted"]]
        values: dict[str, float | str] = {"kills": float(len(kills)), "restarts": float(len(lives))}
        if not lives:
            why = f"{len(kills)} killed, and none came back: nothing started them again while it lasted"
            return Delivered({"alive_s": 0.0, **values}, None, None, len(kills), True, why)
        middle, low, high = median_interval(lives)
        landed = abs(middle - self.alive) <= _TOLERATED_S
        why = f"{len(lives)} times it came back and was killed after {middle:.3g} s (median), {self.alive:g} s asked"
        values = {"alive_s": round(middle, 6), **values}
        return Delivered(
            values, low, high, len(kills), landed, f"{why}, {_TOLERATED_S * 1000:.0f} ms tolerated"
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: lives that were ended."""
        kills = sum("killed_pid" in sample and "why" not in sample for sample in samples)
        return Met.counted(kills, None, "lives of its processes were ended", "nobody was killed")


class _Loop:
    """One process by its name: seen, left alive for a while, killed, seen to die, and again."""

    def __init__(self, target: Target, name: str, alive_s: float) -> None:
        self._target, self._name, self._alive_s = target, name, alive_s
        self._life: Process | None = None
        self.kills = 0
        self.first: list[Sample] = []

    def begin(self) -> None:
        """Kill who lives already, at once."""
        self._find()
        if self._life is not None and (sample := self._kill(self._life)) is not None:
            self.first.append(sample)

    def look(self) -> Sample | None:
        """What was done, when something was."""
        self._find()
        if self._life is None or age_s(self._life) < self._alive_s:
            return None
        return self._kill(self._life)

    def _find(self) -> None:
        """Who runs now; the first of its pids is the main one."""
        self._life = next((life for pid in self._target.pids(self._name)[:1] if (life := look(pid))), None)

    def _kill(self, life: Process) -> Sample | None:
        """None when it has gone by itself."""
        if (shot := shoot(life.pid, "SIGKILL")) is None:
            return None
        self.kills += 1
        sample = {"process": self._name, "killed_pid": life.pid, "restarted": self.kills > 1}
        return sample | self._watch(shot) | {"lived_s": round(age_s(life), 3)}

    def _watch(self, shot: Shot) -> dict[str, Any]:
        died = shot.dead(_DIES_WITHIN_S)
        age_ms = round(shot.age_s() * 1000, 3)
        shot.close()
        if died:
            return {"died_after_ms": age_ms}
        return {"why": f"pid {shot.pid} was still alive {age_ms / 1000:.1f} s after SIGKILL"}
