"""Let the app's processes run out of file descriptors, so that opening and accepting fail with EMFILE."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError
from chaos.faults.process.descriptors import exhaust
from chaos.faults.process.following import followed
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.fidelity import median_interval
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.faults.support.used_up import used_up

_LOOK_EVERY_S = 0.05
_ROUGH = 2
_FEWEST_LOOKS = 6
_MOST = 100_000


@dataclass(frozen=True, kw_only=True)
class FdExhaustion(Fault):
    """Lower the limit on open files of live processes, so that each can open `leave` more than in its quietest moment.

    As a leak does: what a process closes is taken from it, too. One that is started meanwhile gets a second to
    come up. It is the soft limit (RLIMIT_NOFILE) that is lowered; descriptors that are open stay so,
    but poll(2) refuses to wait for more of them than the limit says.
    """

    type: Literal["fd_exhaustion"] = "fd_exhaustion"
    process: str | None = None
    """Which one, with its descendants; every process of the app when not given."""
    leave: int = 0
    """How many more descriptors each may have open at a time."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"leave": 32},
        "medium": {"leave": 8},
        "high": {"leave": 0},
    }

    def __post_init__(self) -> None:
        if not 0 <= self.leave <= _MOST:
            raise ValueError(f"leave must lie between 0 and {_MOST}")

    def minimum_hold_s(self) -> float:
        """See Fault: enough looks."""
        return 2 * _FEWEST_LOOKS * _LOOK_EVERY_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The limits are low on enter, and what they were on exit."""
        if not target.pids(self.process):
            known = ", ".join(target.names()) or "none"
            raise InjectionError(f"no live process {self.process or 'at all'} to restrain; known: {known}")
        pids = partial(target.pids, self.process)
        with followed(target, exhaust, pids, self.leave, "open files") as look:
            yield Injection("prlimit-nofile", "real", {"left_fds": float(self.leave)}, look, _LOOK_EVERY_S)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when, by the median, the process with the most left had as many left as asked."""
        looks = [sample for sample in samples if "left_fds" in sample]
        if len(looks) < _FEWEST_LOOKS:
            why = f"the limits were looked at {len(looks)} times; {_FEWEST_LOOKS} are needed"
            return Delivered({}, None, None, len(looks), False, why)
        left = [float(look["left_fds"]) for look in looks]
        middle, low, high, effective = median_interval(left)
        gone = unsteady(left, lambda each: each <= self.leave + _ROUGH)
        met = sum(int(look["met"]) > 0 for look in looks)
        why = f"at most {middle:g} descriptors more were left to a process, {self.leave} asked"
        why += f"; at {met} of {len(looks)} looks somebody had none left"
        return Delivered(
            {"left_fds": middle},
            low,
            high,
            len(looks),
            middle == self.leave and not gone,
            and_why(why, gone),
            effective=effective,
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: looks at which a process had used up the descriptors that were left to it."""
        looks = [sample for sample in samples if "left_fds" in sample]
        return used_up(looks, "fullest_left", "fullest_free", self.leave, "descriptors")
