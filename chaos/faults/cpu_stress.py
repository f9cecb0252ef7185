"""Burn CPU time beside the app, inside its control group: so many cores, so much of each."""

import contextlib
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError
from chaos.faults.process.burning import burn
from chaos.faults.process.charge import Charge
from chaos.faults.process.demand import CpuDemand, working
from chaos.faults.support.base import Delivered, Fault, Helper, Injection, Met, Sample, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S
from chaos.faults.support.fidelity import mean_interval
from chaos.faults.support.steadiness import and_why, unsteady
from chaos.units import Share

_TOLERATED_POINTS = 3.0
_FEWEST_SHARE = 0.8
_ROUGH_SHARE = 0.5
_LOOK_EVERY_S = 0.2
_FEWEST_LOOKS = 3
_MOST_CORES = 64


@dataclass(frozen=True, kw_only=True)
class CpuStress(Fault):
    """Busy neighbours: `cores` processes that each use `load` of one core, at the app's own priority.

    They run inside the app's control group, so that they share its CPU limit, where it has one, and 10 MB or so
    of its memory each.
    """

    type: Literal["cpu_stress"] = "cpu_stress"
    cores: int | None = None
    """How many; every core that the sandbox may use when not given."""
    load: Share = 0.8
    """Of each of these cores."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"load": "30%"},
        "medium": {"load": "60%"},
        "high": {"load": "100%"},
    }

    def __post_init__(self) -> None:
        if self.cores is not None and not 1 <= self.cores <= _MOST_CORES:
            raise ValueError(f"cores must lie between 1 and {_MOST_CORES}")
        if self.load < 0.01:
            raise ValueError("load must be at least 1%")

    def minimum_hold_s(self) -> float:
        """See Fault: long enough for a few reports."""
        return (_FEWEST_LOOKS + 1) * _LOOK_EVERY_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """Every burner is burning on enter, and has gone on exit."""
        usable = len(os.sched_getaffinity(0))
        cores = self.cores or usable
        if cores > usable:
            raise InjectionError(f"{cores} cores cannot be stressed: this sandbox may use {usable}")
        with contextlib.ExitStack() as stack:
            burners = [
                stack.enter_context(target.helper(burn, in_memory_limit=True, load=self.load))
                for _ in range(cores)
            ]
            for burner in burners:
                if burner.receive(ANSWERS_WITHIN_S) is None:
                    raise InjectionError(f"a burner was not ready within {ANSWERS_WITHIN_S:g} s")
            asked = {"load_percent": self._asked(), "cores": float(cores)}
            fire, running = _Fire(burners, Charge.of(target)), CpuDemand(target.pids)

            def look() -> Sample | None:
                sample = fire.look()
                return None if sample is None else {**sample, **running.look()}

            yield Injection("burners", "real", asked, look, _LOOK_EVERY_S, fire.notes)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when the burners' mean CPU time is within 3 points of asked.

        Or when they had at least four fifths of it, and lack no more than they waited for a core that others had: the
        app itself competes with them. With less than that, something other than what was asked has happened.
        """
        looks = [sample for sample in samples if "cpu_percent" in sample]
        if len(looks) < _FEWEST_LOOKS:
            why = f"the burners reported {len(looks)} times; {_FEWEST_LOOKS} are needed"
            return Delivered({}, None, None, len(looks), False, why)
        mean, low, high, effective = mean_interval([float(look["cpu_percent"]) for look in looks])
        waited = mean_interval([float(look["waited_percent"]) for look in looks])[0]
        asked, cores = self._asked(), float(looks[-1]["cores"])
        why = f"each burner had {mean:.1f} % of a core, {asked:g} % asked, 3 points tolerated"
        near = abs(mean - asked) <= _TOLERATED_POINTS
        if not near and mean < asked <= mean + waited + _TOLERATED_POINTS:
            near = mean >= _FEWEST_SHARE * asked
            why += f"; for {waited:.1f} % of the time it was ready and others had the core"
        gone = unsteady(looks, lambda look: self._had(look, _ROUGH_SHARE), self._third_fits)
        grouped, said = _grouped(looks)
        values: dict[str, float | str] = {"load_percent": round(mean, 3), "cores": cores}
        return Delivered(
            {**values, "waited_percent": round(waited, 3)},
            low,
            high,
            len(looks),
            near and grouped and not gone,
            and_why(why + said, gone),
            effective=effective,
        )

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: looks in which the app ran, or waited for a core, beside the burners."""
        return working(samples, "beside the burners")

    def _had(self, look: Sample, share: float) -> bool:
        """Whether a burner had, or waited for, that share of what was asked."""
        return float(look["cpu_percent"]) + float(look["waited_percent"]) >= share * self._asked()

    def _third_fits(self, looks: Sequence[Sample]) -> bool:
        """As all of them must, but for twice the tolerance."""
        mean = mean_interval([float(look["cpu_percent"]) for look in looks])[0]
        waited = mean_interval([float(look["waited_percent"]) for look in looks])[0]
        return mean - 2 * _TOLERATED_POINTS <= self._asked() <= mean + waited + 2 * _TOLERATED_POINTS

    def _asked(self) -> float:
        return round(self.load * 100, 9)


def _grouped(looks: Sequence[Sample]) -> tuple[bool, str]:
    """Whether the app's control group, where there is one, was charged with what the burners say they had."""
    charged = [float(look["group_percent"]) for look in looks if "group_percent" in look]
    if not charged:
        return True, ""
    burnt = [float(look["cpu_percent"]) * float(look["cores"]) for look in looks]
    group, own = math.fsum(charged) / len(charged), math.fsum(burnt) / len(burnt)
    inside = group >= own - _TOLERATED_POINTS * float(looks[-1]["cores"])
    said = f"; the app's control group was charged {group:.1f} % of a core in all"
    return inside, said if inside else f"{said}, less than the burners had: they are not in it"


class _Fire:
    """Adds up what the burners tell, look by look, beside what the control group was charged."""

    def __init__(self, burners: Sequence[Helper], charge: Charge | None) -> None:
        self._burners = burners
        self._charge = charge
        self._last, self._charged_s = time.monotonic(), charge.used_s() if charge else 0.0
        self.notes = {"burners": [burner.pid for burner in burners]}

    def look(self) -> Sample | None:
        """One sample, when every burner has news. Raises FaultError when one has gone."""
        reports = []
        for burner in self._burners:
            news = []
            while (report := burner.receive(0)) is not None:
                news.append(report)
            reports.append(news)
        if not all(reports):
            return None
        had = [_share(news, "cpu_s") for news in reports]
        waited = [_share(news, "waited_s") for news in reports]
        sample: dict[str, Any] = {
            "cpu_percent": round(100 * sum(had) / len(had), 3),
            "waited_percent": round(100 * sum(waited) / len(waited), 3),
            "cores": len(had),
        }
        return sample | self._group()

    def _group(self) -> dict[str, float]:
        if self._charge is None:
            return {}
        now, charged_s = time.monotonic(), self._charge.used_s()
        percent = 100 * (charged_s - self._charged_s) / (now - self._last)
        self._last, self._charged_s = now, charged_s
        return {"group_percent": round(percent, 3)}


def _share(news: Sequence[Mapping[str, Any]], name: str) -> float:
    return sum(float(report[name]) for report in news) / sum(float(report["s"]) for report in news)
