"""Lower the memory limit that the app lives under, so that it has to make do or is ended by the kernel."""

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.support.base import Delivered, Fault, Injection, Memory, Met, Sample, Target, last
from chaos.faults.support.dead_man import undone_by_death
from chaos.faults.support.fidelity import median_interval
from chaos.faults.support.inside import Inside, escaped
from chaos.faults.support.steadiness import unsteady
from chaos.units import SIZE, Share

_PAGE = 4096
_LOOK_EVERY_S = 0.05
_FEWEST_LOOKS = 6
_STEP_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class MemoryLimit(Fault):
    """Set the app's memory limit to `limit` of the sandbox's, at once.

    Who uses more is ended by the kernel: at once by a control group v2; under v1, which refuses a limit below what is
    in use, at the next page it asks for. Without a control group the agent enforces the limit, which is called
    emulated.
    """

    mechanisms = ("cgroup-memory", "agent-enforced")

    type: Literal["memory_limit"] = "memory_limit"
    limit: Share = 0.5
    """Of the sandbox's memory."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"limit": "75%"},
        "medium": {"limit": "50%"},
        "high": {"limit": "25%"},
    }

    def __post_init__(self) -> None:
        if not 0.01 <= self.limit < 1:
            raise ValueError("limit must be at least 1% and below 100%")

    def minimum_hold_s(self) -> float:
        """See Fault: enough looks."""
        return 2 * _FEWEST_LOOKS * _LOOK_EVERY_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The lowest limit that the kernel accepts is set on enter, and the one asked for as soon as it does."""
        memory = target.memory
        wanted = int(self.limit * memory.limit_bytes) // _PAGE * _PAGE
        group = target.cgroup("memory")
        by = _by_kernel(target, group, wanted) if group is not None else _by_agent(target, wanted)
        with by as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when the limit was the one asked for, at the last look and at half of all or more."""
        looks = [sample for sample in samples if "limit_bytes" in sample]
        if len(looks) < _FEWEST_LOOKS:
            why = f"the limit was looked at {len(looks)} times; {_FEWEST_LOOKS} are needed"
            return Delivered({}, None, None, len(looks), False, why)
        middle, low, high, effective = median_interval([float(look["limit_bytes"]) for look in looks])
        wanted = float(looks[-1]["wanted_bytes"])
        there = sum(float(look["limit_bytes"]) == wanted for look in looks)
        first = next((place for place, look in enumerate(looks) if float(look["limit_bytes"]) == wanted), 0)
        gone = unsteady(looks[first:], lambda look: float(look["limit_bytes"]) == wanted)
        landed = middle == wanted == float(looks[-1]["limit_bytes"]) and not gone
        why = f"the limit was {SIZE.format(wanted)} as asked at {there} of {len(looks)} looks"
        if not landed:
            most = max(float(look["used_bytes"]) for look in looks)
            why += f"; the app held up to {most / 2**20:.0f} MiB, and the kernel lowers no limit below that"
        last = looks[-1]
        if "kills" in last:
            why += f"; the app reached it {last['reached']} times, the kernel ended {last['kills']} processes"
        why += (outside := escaped(samples))
        return Delivered(
            {"limit_bytes": middle}, low, high, len(looks), landed and not outside, why, effective=effective
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: allocations that came up against the limit."""
        if not any("reached" in sample for sample in samples):
            return Met.unmeasured("no control group counts here how often the limit is reached")
        return Met.counted(
            last(samples, "reached") + last(samples, "kills"),
            None,
            "allocations of the app came up against the limit",
            f"the app never came up against the limit: it held {last(samples, 'used_bytes') / 2**20:.0f} MiB at most",
        )


@contextmanager
def _by_kernel(target: Target, group: Path, wanted: int) -> Iterator[Injection]:
    inside = Inside(target)
    limit = _Limit(group, target.memory, wanted)
    put_back = ["/bin/sh", "-c", 'echo "$1" > "$2"', "sh", limit.before, str(limit.file)]
    with undone_by_death(*put_back), target.undo("the app's memory limit", limit.restore):
        limit.lower()
        notes = {"before_bytes": limit.before, "at_once": limit.now() == wanted}
        asked = {"limit_bytes": float(wanted)}

        def look() -> Sample:
            return {**limit.look(), **inside.look()}

        yield Injection("cgroup-memory", "real", asked, look, _LOOK_EVERY_S, notes)


@contextmanager
def _by_agent(target: Target, wanted: int) -> Iterator[Injection]:
    memory = target.memory
    before = memory.enforced_bytes

    def restore() -> None:
        memory.enforced_bytes = before

    def look() -> Sample:
        limit = memory.enforced_bytes
        return {"limit_bytes": limit, "wanted_bytes": wanted, "used_bytes": memory.used_bytes()}

    with target.undo("the app's memory limit", restore):
        memory.enforced_bytes = wanted
        notes = {"why_emulated": "no memory control group here: the agent ends what exceeds the limit"}
        yield Injection(
            "agent-enforced", "emulated", {"limit_bytes": float(wanted)}, look, _LOOK_EVERY_S, notes
        )


class _Limit:
    """The limit of a control group: `memory.limit_in_bytes` (v1) or `memory.max` (v2)."""

    def __init__(self, group: Path, memory: Memory, wanted: int) -> None:
        found = (group / name for name in ("memory.limit_in_bytes", "memory.max"))
        file = next((file for file in found if file.exists()), None)
        if file is None:
            raise InjectionError(f"the app's control group has no memory limit: {group}")
        self.file, self._group, self._memory, self._wanted = file, group, memory, wanted
        self.before = file.read_text().strip()
        self._reached, self._kills = self._counts()

    def now(self) -> int:
        """Bytes; a limit of `max` is the whole sandbox's."""
        text = self.file.read_text().strip()
        return self._memory.limit_bytes if text == "max" else int(text)

    def lower(self) -> None:
        """As low as the kernel goes, never below what is wanted. Raises InjectionError when it goes nowhere."""
        size = self._wanted
        while size < self.now() and not self._set(size):
            size = max(size, self._in_use()) + _STEP_BYTES

    def look(self) -> Sample:
        """The limit, what is used under it, and what the kernel counted since it was lowered."""
        if self.now() != self._wanted:
            self.lower()
        reached, kills = self._counts()
        return {
            "limit_bytes": self.now(),
            "wanted_bytes": self._wanted,
            "used_bytes": self._memory.used_bytes(),
            "reached": reached - self._reached,
            "kills": kills - self._kills,
        }

    def restore(self) -> None:
        """What it was before. Raises OSError and RecoveryError."""
        self.file.write_text(self.before)
        if self.file.read_text().strip() != self.before:
            raise RecoveryError(f"{self.file.name} is not what it was: {self.file.read_text().strip()}")

    def _set(self, size: int) -> bool:
        try:
            self.file.write_text(str(size))
        except OSError as error:
            if error.errno == errno.EBUSY:
                return False
            raise InjectionError(f"cannot set {self.file.name}: {error.strerror}") from error
        return True

    def _in_use(self) -> int:
        """Everything charged, the page cache included: what v1 compares a new limit with."""
        file = self._group / "memory.usage_in_bytes"
        return int(file.read_text()) // _PAGE * _PAGE if file.exists() else self._memory.used_bytes()

    def _counts(self) -> tuple[int, int]:
        """How often the limit was reached, and how many processes were ended for it, since the group was made."""
        if (self._group / "memory.events").exists():
            events = _pairs(self._group / "memory.events")
            return events.get("max", 0), events.get("oom_kill", 0)
        kills = _pairs(self._group / "memory.oom_control").get("oom_kill", 0)
        return int((self._group / "memory.failcnt").read_text()), kills


def _pairs(file: Path) -> dict[str, int]:
    return {line.split()[0]: int(line.split()[1]) for line in file.read_text().splitlines()}
