"""Let the app run out of processes and threads, so that starting one more fails with EAGAIN."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from chaos.errors import FaultError, InjectionError, RecoveryError
from chaos.faults.process.following import followed
from chaos.faults.process.tasks import canary, crowd
from chaos.faults.support.base import Delivered, Fault, Helper, Injection, Met, Sample, Target, last
from chaos.faults.support.channel import ANSWERS_WITHIN_S
from chaos.faults.support.dead_man import undone_by_death
from chaos.faults.support.fidelity import median_interval
from chaos.faults.support.inside import Inside, escaped
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.faults.support.used_up import used_up

_LOOK_EVERY_S = 0.05
_ROUGH = 2
_FEWEST_LOOKS = 6
_LOOKS_AGAIN = 5
_MOST = 10_000
_MOST_TRIED = 64
"""So many forks at most are tried at a time: more room is left is not worth a storm."""


@dataclass(frozen=True, kw_only=True)
class PidExhaustion(Fault):
    """Let the app start only `leave` more processes or threads than it had in its quietest moment.

    As after a leak of threads: what ends is taken from it, too. By the limit of the app's control group; without one
    by the limit on the user's processes (RLIMIT_NPROC), for the app's processes only.
    """

    mechanisms = ("cgroup-pids", "prlimit-nproc")

    type: Literal["pid_exhaustion"] = "pid_exhaustion"
    leave: int = 0
    """How many more may live at a time."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"leave": 16},
        "medium": {"leave": 4},
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
        """A fork too many has been seen to fail on enter; the limit is what it was on exit."""
        if not target.pids():
            raise InjectionError("the app has no live process")
        group = target.cgroup("pids")
        limited = group is not None and (group / "pids.max").exists()
        by = _by_group(target, group, self.leave) if group and limited else _by_user(target, self.leave)
        with by as injection:
            yield injection

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when, by the median, as many more were left as asked, and every fork too many failed with EAGAIN."""
        looks = [sample for sample in samples if "left_tasks" in sample]
        if len(looks) < _FEWEST_LOOKS:
            why = f"the limit was looked at {len(looks)} times; {_FEWEST_LOOKS} are needed"
            return Delivered({}, None, None, len(looks), False, why)
        left = [float(look["left_tasks"]) for look in looks]
        middle, low, high, effective = median_interval(left)
        gone = unsteady(left, lambda each: each <= self.leave + _ROUGH)
        tried = [str(look["canary"]) for look in looks if "canary" in look]
        failed = tried.count("EAGAIN")
        why = f"{middle:g} more were left to the app, {self.leave} asked"
        why += f"; {failed} of {len(tried)} forks beyond the limit failed with EAGAIN"
        if "refused" in looks[-1]:
            why += f", {looks[-1]['refused']} in all, the app's included"
        why += (outside := escaped(samples))
        landed = middle == self.leave and failed >= 0.9 * len(tried) and not outside and not gone
        return Delivered(
            {"left_tasks": middle}, low, high, len(looks), landed, and_why(why, gone), effective=effective
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: forks of the app that were refused, where a control group counts them; not the canary's.

        Else looks at which it had used up the tasks that were left to it.
        """
        looks = [sample for sample in samples if "left_tasks" in sample]
        if any("refused" in look for look in looks):
            refused = last(looks, "refused") - last(looks, "own_refused")
            return Met.counted(
                refused, None, "forks of the app were refused", "no fork of the app was refused"
            )
        return used_up(looks, "left_tasks", "free", self.leave, "tasks")


@contextmanager
def _by_group(target: Target, group: Path, leave: int) -> Iterator[Injection]:
    with target.helper(canary, in_memory_limit=True) as helper:
        if helper.receive(ANSWERS_WITHIN_S) is None:
            raise InjectionError(f"the canary was not ready within {ANSWERS_WITHIN_S:g} s")
        inside = Inside(target)
        limit = _GroupLimit(group, helper, leave)
        put_back = ["/bin/sh", "-c", 'echo "$1" > "$2"', "sh", limit.before, str(limit.file)]
        with undone_by_death(*put_back), target.undo("the app's limit on processes", limit.put_back):
            first = limit.verified()
            target.measured(**first)
            notes = {"before": limit.before, "limit": limit.now()}
            asked = {"left_tasks": float(leave)}

            def look() -> Sample:
                return {**limit.look(), **inside.look()}

            yield Injection("cgroup-pids", "real", asked, look, _LOOK_EVERY_S, notes)


@contextmanager
def _by_user(target: Target, leave: int) -> Iterator[Injection]:
    with followed(target, crowd, target.pids, leave, "processes") as look:
        yield Injection("prlimit-nproc", "real", {"left_tasks": float(leave)}, look, _LOOK_EVERY_S)


class _GroupLimit:
    """`pids.max`, kept at what the app had in its quietest moment, `leave`, and the canary itself."""

    def __init__(self, group: Path, helper: Helper, leave: int) -> None:
        self.file, self._group, self._helper, self._leave = group / "pids.max", group, helper, leave
        self.before = self.file.read_text().strip()
        self._least = self._tasks()
        self._refused = self._refusals()
        self._own_refused = 0

    def now(self) -> str:
        """As the kernel says it."""
        return self.file.read_text().strip()

    def verified(self) -> Sample:
        """Lower the limit and see a fork fail. Raises InjectionError."""
        for _ in range(_LOOKS_AGAIN):  # one of the app's may end between the look and the fork
            self._tighten()
            made, error = self._try(min(self._leave + 1, _MOST_TRIED))
            if self._leave >= _MOST_TRIED or error == "EAGAIN":
                break
            # All of them fitted in beside the app: so few it had then, however often a look comes at a busier moment.
            self._least = min(self._least, self._least + self._leave - made)
        else:
            raise InjectionError(
                f"{made} processes could be started with {self._leave} left: {error or 'no error'}"
            )
        return self._sample()

    def look(self) -> Sample:
        """What is left; where that is nothing, whether one more really fails.

        One of the app's may end between the look and the fork, and then there is room for ours.
        """
        for _ in range(_LOOKS_AGAIN):
            self._tighten()
            sample = dict(self._sample())
            if sample["free"]:
                break
            sample["canary"] = self._try(1)[1] or "none"
            if sample["canary"] != "none":
                break
        return sample

    def put_back(self) -> None:
        """What it was before. Raises OSError and RecoveryError."""
        self.file.write_text(self.before)
        if self.now() != self.before:
            raise RecoveryError(f"pids.max is {self.now()}, and was {self.before}")

    def _tighten(self) -> None:
        self._least = min(self._least, self._tasks())
        wanted = str(self._least + self._leave + 1)
        if self.now() != wanted:
            try:
                self.file.write_text(wanted)
            except OSError as error:
                raise InjectionError(f"cannot set pids.max: {error.strerror}") from error

    def _sample(self) -> Sample:
        tasks, limit = self._tasks(), self.now()
        free = max(0, int(limit) - tasks - 1) if limit != "max" else _MOST
        left = free + max(0, tasks - self._least)
        return {
            "left_tasks": left,
            "tasks": tasks,
            "free": free,
            "refused": self._refusals() - self._refused,
            "own_refused": self._own_refused,
        }

    def _try(self, forks: int) -> tuple[int, str]:
        self._helper.send({"forks": forks})
        answer = self._helper.receive(ANSWERS_WITHIN_S)
        if answer is None:
            raise FaultError(f"the canary did not answer within {ANSWERS_WITHIN_S:g} s")
        self._own_refused += answer["error"] == "EAGAIN"
        return int(answer["forks"]), str(answer["error"])

    def _tasks(self) -> int:
        """The app's, without the canary."""
        return int((self._group / "pids.current").read_text()) - 1

    def _refusals(self) -> int:
        """How many forks the kernel has refused for this limit (`max` of pids.events)."""
        for line in (self._group / "pids.events").read_text().splitlines():
            if line.startswith("max "):
                return int(line.split()[1])
        return 0
