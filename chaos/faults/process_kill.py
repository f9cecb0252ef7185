"""Kill a process of the target and see it die."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError
from chaos.faults.process.aim import Match, Scope, aim, nobody, read_match
from chaos.faults.process.blow import GOES_WITHIN_S, Blow, missed_in, strike
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.fidelity import median_interval, percentile
from chaos.units import PositiveDuration

SignalName = Literal["SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT", "SIGHUP"]

_PATIENCE_S = 5.0
"""How long a signal may take to end its process before it counts as ignored."""
_LOOK_S = 0.1
"""The longest that one look may block: the step must notice its end in time."""


@dataclass(frozen=True, kw_only=True)
class ProcessKill(Fault):
    """End one of the app's processes with a signal, once or `every` so often.

    Without `process` each kill picks one at random from those alive. Who comes back, and how fast, is up to
    the app and its restart policy: nothing is undone. It lands when what was hit is what served: whoever listens on
    the process's port is among the dead, by the signal or, as what its main process left behind, after it.
    """

    mechanisms = ("pidfd-signal",)

    type: Literal["process_kill"] = "process_kill"
    process: str | None = None
    signal: SignalName = "SIGKILL"
    every: PositiveDuration | None = None
    """Time from one kill to the next; None kills once."""
    scope: Scope = "main"
    """Who gets the signal: the `main` process, its whole `tree`, or `one` process of that."""
    match: Match | None = None
    """With `scope: one`: which may be chosen; any child when left out."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"signal": "SIGTERM"},
        "medium": {"signal": "SIGKILL"},
        "high": {"signal": "SIGKILL", "every": "2s"},
    }
    impulse: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "match", read_match(self.match, self.scope))

    def minimum_hold_s(self) -> float:
        """See Fault: long enough for a second kill when there is to be one."""
        return self.every or 0.0

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The first kill is sent on enter, and its death is seen there when it comes within 100 ms."""
        volley = _Volley(self, target)
        asked = {"kills": 1.0} if self.every is None else {"every_s": self.every}
        try:
            if (seen := volley.look()) is not None:
                target.measured(**seen)
            yield Injection("pidfd-signal", "real", asked, observe=volley.look, every_s=0.02)
        finally:
            if (seen := volley.end()) is not None:
                target.measured(**seen)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when every signal that was sent was seen to end its process, and those were the ones that served."""
        sent = [sample for sample in samples if sample.get("killed_pid") is not None]
        seen = [
            float(sample.get("died_ms", sample["seen_ms"]))
            for sample in sent
            if sample.get("seen_ms") is not None
        ]
        landed = bool(sent) and len(seen) == len(sent) and not missed_in(sent)
        why = _why(samples, sent, seen)
        kills = float(len(seen))
        values: dict[str, float | str] = {"kills": kills}
        if seen:
            values["seen_ms"] = percentile(seen, 0.5)
        if self.every is None:
            return Delivered(values, kills, kills, len(samples), landed, why)
        gaps = [later - earlier for earlier, later in pairwise(float(sample["sent_s"]) for sample in sent)]
        if not gaps:
            return Delivered(values, None, None, len(samples), landed, why)
        middle, low, high, effective = median_interval(gaps)
        return Delivered(
            {"every_s": middle, **values}, low, high, len(samples), landed, why, effective=effective
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: processes that the signal ended."""
        sent = [sample for sample in samples if sample.get("killed_pid") is not None]
        dead = sum(sample.get("seen_ms") is not None for sample in sent)
        return Met.counted(
            dead, len(sent), "signals ended a process of the app", "no signal ended a process of the app"
        )


def _why(samples: Sequence[Sample], sent: Sequence[Sample], seen: Sequence[float]) -> str:
    words = [sample.get(key) for sample in samples for key in ("why", "missed")]
    complaints = "; ".join(dict.fromkeys(str(each) for each in words if each))
    if not sent:
        return complaints or "no signal was sent"
    said = f"{len(seen)} of {len(sent)} signalled processes were seen to die"
    if seen:
        said += f", the slowest {max(seen):.3g} ms after its signal"
    if with_it := next((sample["with_it"] for sample in sent if sample.get("with_it")), ""):
        said += f"; {with_it}, which served, ended with it"
    return f"{said}; {complaints}" if complaints else said


class _Volley:
    """The kills of one step, one at a time: fired when due, then watched until death or patience runs out."""

    def __init__(self, fault: ProcessKill, target: Target) -> None:
        self._fault, self._target = fault, target
        self._blow = self._fire()
        if self._blow is None:
            names = [fault.process] if fault.process is not None else list(target.names())
            known = ", ".join(target.names()) or "none"
            why = "; ".join(nobody(target, name, fault.match) for name in names) or "no live process at all"
            raise InjectionError(f"{why} to kill; known: {known}")
        self._first = self._due = self._blow.sent
        self._schedule()
        self._missed = False

    def look(self) -> dict[str, Any] | None:
        """The news of the kill on its way, after firing the next one if it is due."""
        if self._blow is None and time.monotonic() >= self._due:
            self._blow = self._fire()
            if self._blow is None:
                return self._nobody()
            self._missed = False
            self._schedule()
        return self._watch(_LOOK_S) if self._blow is not None else None

    def end(self) -> dict[str, Any] | None:
        """The last word on a kill that is still on its way."""
        if self._blow is None:
            return None
        died = self._blow.dead(0)
        return self._told(died=died and self._blow.over(GOES_WITHIN_S))

    def _fire(self) -> Blow | None:
        fault = self._fault
        names = [fault.process] if fault.process is not None else list(self._target.names())
        self._target.random.shuffle(names)
        for name in names:
            aimed = aim(self._target, name, fault.scope, fault.match)
            if aimed is not None and (blow := strike(aimed, fault.signal)) is not None:
                return blow
        return None

    def _schedule(self) -> None:
        self._due = float("inf") if self._fault.every is None else self._due + self._fault.every

    def _watch(self, wait_s: float) -> dict[str, Any] | None:
        assert self._blow is not None
        if self._blow.over(wait_s):
            return self._told(died=True)
        late = self._blow.age_s() > _PATIENCE_S and not self._blow.dead(0)
        return self._told(died=False) if late else None

    def _told(self, *, died: bool) -> dict[str, Any]:
        blow, self._blow = self._blow, None
        assert blow is not None
        age_s, told = blow.age_s(), blow.told()
        blow.close()
        name, sent_s = self._fault.signal, round(blow.sent - self._first, 6)
        sample = {"killed_pid": blow.pid, "signal": name, "sent_s": sent_s, "seen_ms": round(age_s * 1000, 3)}
        if died:
            return {**sample, **told}
        why = f"pid {blow.pid} was still alive {age_s:.1f} s after {name}"
        return {**sample, **told, "seen_ms": None, "why": why}

    def _nobody(self) -> dict[str, Any] | None:
        """Said once per missing process, not once per look."""
        if self._missed:
            return None
        self._missed = True
        why = f"no process had come back {self._due - self._first:.1f} s after the first kill"
        return {"killed_pid": None, "signal": self._fault.signal, "why": why}
