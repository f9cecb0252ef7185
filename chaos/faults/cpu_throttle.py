"""Give the app so much CPU time and no more, as a container's CPU limit does."""

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Annotated, Any, ClassVar, Literal

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.process.burning import burn_when_told
from chaos.faults.process.pacing import paced, ration
from chaos.faults.process.quota import PERIOD_S, Quota, Use
from chaos.faults.support.base import Delivered, Fault, Helper, Injection, Met, Sample, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S
from chaos.faults.support.dead_man import undone_by_death
from chaos.faults.support.fidelity import mean_interval
from chaos.faults.support.inside import Inside, escaped
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.units import Unit

CPU = Unit("share of a core", (("%", 0.01),), "50%", low=0.01, high=64.0)

_TOLERATED_POINTS = 3.0
_ROUGH = 1.5
_CALIBRATION_S = 1.0
"""How long a burner of ours has the quota used up in every period, so that there is something to measure."""
_FEWEST_PERIODS = 5
_BITES_WITHIN_S = 3.0
_LOOK_S = 0.002
_LOOK_EVERY_S = 0.01


@dataclass(frozen=True, kw_only=True)
class CpuThrottle(Fault):
    """Limit the whole app to `cpu` of a core: in every 100 ms it runs until that is used up, then it stands still.

    By the quota of the app's control group. Without one the app's processes are stopped and continued to the
    same effect, which is called emulated. In the first second a burner of ours uses the quota up, too, so that it
    can be measured.
    """

    type: Literal["cpu_throttle"] = "cpu_throttle"
    cpu: Annotated[float, CPU] = 0.5
    """Of one core; 150% is one core and a half."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"cpu": "75%"},
        "medium": {"cpu": "50%"},
        "high": {"cpu": "20%"},
    }

    def minimum_hold_s(self) -> float:
        """See Fault: the time in which it is measured."""
        return _CALIBRATION_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The quota has been used up once, and seen to bite, on enter; on exit it is what it was."""
        usable = len(os.sched_getaffinity(0))
        if self.cpu >= usable:
            raise InjectionError(
                f"a limit of {CPU.format(self.cpu)} changes nothing: there are {usable} cores"
            )
        quota = Quota.of(target)
        with ExitStack() as stack:
            burners = [
                stack.enter_context(target.helper(burn_when_told, in_memory_limit=quota is not None))
                for _ in range(math.ceil(self.cpu))
            ]
            for burner in burners:
                if burner.receive(ANSWERS_WITHIN_S) is None:
                    raise InjectionError(f"a burner was not ready within {ANSWERS_WITHIN_S:g} s")
            by = self._by_quota(target, quota, burners) if quota else self._by_stopping(target, burners)
            yield stack.enter_context(by)

    @contextmanager
    def _by_quota(self, target: Target, quota: Quota, burners: Sequence[Helper]) -> Iterator[Injection]:
        inside = Inside(target)
        put_back = ["/bin/sh", "-c", 'echo "$1" > "$2"', "sh", quota.before, str(quota.file)]
        with undone_by_death(*put_back), target.undo("the app's CPU quota", lambda: _put_back(quota)):
            meter = _Meter(quota)
            try:
                quota.set(self.cpu)
            except OSError as error:
                raise InjectionError(f"cannot set {quota.file.name}: {error.strerror}") from error
            _burn(burners, _BITES_WITHIN_S)
            bites_s = meter.until_it_bites(target)
            _burn(burners, _CALIBRATION_S)
            notes = {"quota": quota.now(), "before": quota.before, "first_used_up_s": round(bites_s, 3)}
            ours_until = time.monotonic() + _CALIBRATION_S + 2 * PERIOD_S

            def observe() -> Sample | None:
                ours = {"ours": True} if time.monotonic() < ours_until else {}
                sample, away = meter.look(), inside.look()
                return None if sample is None and not away else {**(sample or {}), **away, **ours}

            yield Injection("cfs-quota", "real", self._all_asked(), observe, _LOOK_EVERY_S, notes)

    @contextmanager
    def _by_stopping(self, target: Target, burners: Sequence[Helper]) -> Iterator[Injection]:
        guests = [burner.pid for burner in burners]
        if not target.pids():
            raise InjectionError("no live process at all to stop")
        _burn(burners, _BITES_WITHIN_S)
        roots = [*target.pids(), *guests]
        with paced(target, roots, ration, cores=self.cpu, period_s=PERIOD_S) as pacer:
            _burn(burners, _CALIBRATION_S)
            notes = {
                "why_emulated": "no control group with a CPU quota here: the app is stopped and continued instead"
            }

            ours_until = time.monotonic() + _CALIBRATION_S + 2 * PERIOD_S

            def observe() -> Sample | None:
                ours = {"ours": True} if time.monotonic() < ours_until else {}
                sample = pacer.look(target, [*target.pids(), *guests])
                return None if sample is None else {**sample, **ours}

            yield Injection("sigstop-ration", "emulated", self._all_asked(), observe, PERIOD_S, notes)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when, in periods in which all was used up, that was within 3 points of asked, on average."""
        looks = [sample for sample in samples if "periods" in sample]
        full = [look for look in looks if look["throttled"] == look["periods"] > 0]
        used = [100 * float(look["used_s"]) / (int(look["periods"]) * PERIOD_S) for look in full]
        if len(used) < _FEWEST_PERIODS:
            why = f"the quota was used up in {len(used)} periods; {_FEWEST_PERIODS} are needed to measure it"
            return Delivered({}, None, None, len(used), False, why)
        mean, low, high, effective = mean_interval(used)
        lifted = next((look for look in looks if look.get("lifted")), None)
        near = abs(mean - self._asked()) <= _TOLERATED_POINTS
        why = f"{mean:.1f} % of a core was had in {len(used)} periods that used it up, {self._asked():g} % asked"
        why += ", 3 points tolerated" + ("; somebody lifted the quota" if lifted else "")
        gone = unsteady(
            [fmean(two) for two in pairwise(used)],  # a look that is late sees some of the next period's, too
            lambda share: share <= _ROUGH * self._asked() + _TOLERATED_POINTS,
            lambda some: abs(mean_interval(some)[0] - self._asked()) <= 2 * _TOLERATED_POINTS,
        )
        why += (outside := escaped(samples))
        landed = near and not lifted and not outside and not gone
        return Delivered(
            {"cpu_percent": round(mean, 3)},
            low,
            high,
            len(used),
            landed,
            and_why(why, gone),
            effective=effective,
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: periods in which the app used the quota up; not the second in which a burner of ours does."""
        own = [sample for sample in samples if "periods" in sample and not sample.get("ours")]
        return Met.counted(
            sum(int(sample["throttled"]) for sample in own),
            sum(int(sample["periods"]) for sample in own),
            "periods in which the app used its quota up and had to wait",
            f"the app never used up {CPU.format(self.cpu)} of a core",
        )

    def _asked(self) -> float:
        return round(self.cpu * 100, 9)

    def _all_asked(self) -> dict[str, float | str]:
        return {"cpu_percent": self._asked()}


def _burn(burners: Sequence[Helper], seconds: float) -> None:
    for burner in burners:
        burner.send({"for_s": seconds})


def _put_back(quota: Quota) -> None:
    quota.restore()
    if quota.now() != quota.before:
        raise RecoveryError(f"{quota.file.name} is {quota.now()!r}, and was {quota.before!r}")


class _Meter:
    """Reads the group's counters at the end of every period: between two looks lie whole periods."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._last = quota.use()
        self._cores: float | None = None

    def until_it_bites(self, target: Target) -> float:
        """Seconds until the quota was used up for the first time. Raises InjectionError when it never was, and when the
        run is to end meanwhile."""
        began, throttled = time.monotonic(), self._last.throttled
        self._cores = self._quota.cores()
        while (now := self._quota.use()).throttled == throttled:
            if time.monotonic() - began > _BITES_WITHIN_S:
                used = 100 * (now.used_s - self._last.used_s) / _BITES_WITHIN_S
                why = f"the app and a burner had but {used:.0f} % of a core: this machine is too busy"
                raise InjectionError(f"the CPU quota was not used up in {_BITES_WITHIN_S:g} s; {why}")
            if target.wait(_LOOK_S):
                raise InjectionError("told to end before the CPU quota was used up")
        self._last = now
        return time.monotonic() - began

    def look(self) -> Sample | None:
        """What was used since the end of the last period that was seen to end; None when none ended now."""
        until = time.monotonic() + PERIOD_S
        while (now := self._quota.use()).periods == self._last.periods and time.monotonic() < until:
            time.sleep(_LOOK_S)
        sample = _since(self._last, now)
        if self._quota.cores() != self._cores:
            return {**sample, "lifted": True}
        if not sample["periods"]:
            return None
        self._last = now
        return sample


def _since(last: Use, now: Use) -> dict[str, Any]:
    return {
        "used_s": round(now.used_s - last.used_s, 6),
        "periods": now.periods - last.periods,
        "throttled": now.throttled - last.throttled,
    }
