"""Tell a process to end, give it a while, then end it: what a deployment does to every instance."""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError
from chaos.faults.process.aim import Match, Scope, aim, nobody, read_match
from chaos.faults.process.blow import GOES_WITHIN_S, Blow, missed_in, strike
from chaos.faults.process.tree import LiveProcess, alive, family
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.units import PositiveDuration

StopSignal = Literal["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"]

_LOOK_EVERY_S = 0.02
_LOOK_S = 0.1
"""The longest that one look may block: the step must notice its end in time."""
_KILL_TAKES_S = 0.5


@dataclass(frozen=True, kw_only=True)
class ProcessStop(Fault):
    """Send `signal` to a process, and SIGKILL to it and its descendants when it has not ended by the `deadline`.

    As a container's stop does: only the main process is told, and what it leaves behind when it ends is killed.
    Recovery counts from the signal. Who comes back is up to the restart policy: nothing is undone. It lands when
    what was told to end is what served.
    """

    type: Literal["process_stop"] = "process_stop"
    process: str | None = None
    """Which one; without it, one of those alive, at random."""
    signal: StopSignal = "SIGTERM"
    deadline: PositiveDuration = 5.0
    """Time from the signal to SIGKILL; the hold must be longer."""
    scope: Scope = "main"
    """Who is told: the `main` process, its whole `tree`, or `one` process of that."""
    match: Match | None = None
    """With `scope: one`: which may be chosen; any child when left out."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"deadline": "10s"},
        "medium": {"deadline": "3s"},
        "high": {"deadline": "500ms"},
    }
    impulse: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "match", read_match(self.match, self.scope))

    def minimum_hold_s(self) -> float:
        """See Fault: until SIGKILL has done its work."""
        return self.deadline + _KILL_TAKES_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The signal is sent on enter."""
        stop = _Stop(self, target)
        with contextlib.closing(stop):
            asked = {"stops": 1.0}
            notes = {"pid": stop.pid, "deadline_s": self.deadline}
            yield Injection(
                "pidfd-signal", "real", asked, observe=stop.look, every_s=_LOOK_EVERY_S, notes=notes
            )
            if (seen := stop.last_word()) is not None:
                target.measured(**seen)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when the process that was told was seen to end, by itself or by SIGKILL at the deadline."""
        ended = [sample for sample in samples if sample.get("seen_ms") is not None]
        if not ended:
            said = next(
                (str(sample["why"]) for sample in samples if "why" in sample), "nobody was seen to end"
            )
            return Delivered({}, None, None, len(samples), False, said)
        took_s, graceful = float(ended[-1]["seen_ms"]) / 1000, bool(ended[-1]["graceful"])
        how = (
            f"by itself after {self.signal}"
            if graceful
            else f"by SIGKILL at the deadline of {self.deadline:g} s"
        )
        why = f"it ended {took_s:.3g} s after it was told to, {how}"
        if behind := int(ended[-1]["left_behind"]):
            why += f"; {behind} processes that it left behind were killed"
        if missed := missed_in(ended):
            why += f"; {missed}"
        values = {"stops": 1.0, "took_s": round(took_s, 6), "graceful": "yes" if graceful else "no"}
        return Delivered(values, 1.0, 1.0, len(samples), not missed, why)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: processes that ended."""
        ended = sum(sample.get("seen_ms") is not None for sample in samples)
        return Met.counted(
            ended, None, "process of the app was told to end, and did", "nobody was seen to end"
        )


class _Stop:
    """One process that has been told to end, and what becomes of it."""

    def __init__(self, fault: ProcessStop, target: Target) -> None:
        self._fault = fault
        self._blow, known = _tell(fault, target)
        self.pid = self._blow.pid
        self._family = {process.pid: process for process in known}
        self._killed = self._told = False

    def look(self) -> Sample | None:
        """The news, once it has ended; SIGKILL when its time is over."""
        if self._told:
            return None
        self._note_family()
        left_s = self._fault.deadline - self._blow.age_s()
        if self._blow.dead(min(_LOOK_S, max(0.0, left_s) if not self._killed else _LOOK_S)):
            return self._ended()
        if not self._killed and self._blow.age_s() >= self._fault.deadline:
            self._killed = True
            self._kill_family()
        return None

    def last_word(self) -> Sample | None:
        """What is to be said when the hold is over first."""
        if self._told:
            return None
        if self._blow.dead(0):
            return self._ended()
        age_s = self._blow.age_s()
        return {
            "killed_pid": self.pid,
            "seen_ms": None,
            "why": f"pid {self.pid} still lived after {age_s:.1f} s",
        }

    def close(self) -> None:
        """Stop watching."""
        self._blow.close()

    def _ended(self) -> Sample:
        self._told = True
        left_behind = 0 if self._killed else self._kill_family()
        self._blow.over(GOES_WITHIN_S)
        seen_ms = round(self._blow.age_s() * 1000, 3)
        return {
            "killed_pid": self.pid,
            "signal": self._fault.signal,
            "seen_ms": seen_ms,
            "graceful": not self._killed,
            "left_behind": left_behind,
            **self._blow.told(),
        }

    def _note_family(self) -> None:
        """Remember the descendants while they can be told by their parents."""
        if self._fault.scope != "one":
            self._family |= {process.pid: process for process in family([self.pid])}

    def _kill_family(self) -> int:
        """End those that are left; how many they were, the main process not counted."""
        left = [p for p in self._family.values() if alive(p.pid, p.born)]
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        return sum(process.pid != self.pid for process in left)


def _tell(fault: ProcessStop, target: Target) -> tuple[Blow, list[LiveProcess]]:
    """The signal that was sent, and the tree as it was before: it may end faster than one can look."""
    names = [fault.process] if fault.process is not None else list(target.names())
    target.random.shuffle(names)
    for name in names:
        if (aimed := aim(target, name, fault.scope, fault.match)) is None:
            continue
        known = list(aimed.victims) if fault.scope == "one" else family(target.pids(name))
        if (blow := strike(aimed, fault.signal)) is not None:
            return blow, known
    why = "; ".join(nobody(target, name, fault.match) for name in names) or "no live process at all"
    raise InjectionError(f"{why} to stop; known: {', '.join(target.names()) or 'none'}")
