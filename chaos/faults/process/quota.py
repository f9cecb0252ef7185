"""The CPU quota of the app's control group, and what the kernel says of its use (sched-bwc, cgroups(7))."""

from dataclasses import dataclass
from pathlib import Path

from chaos.errors import InjectionError
from chaos.faults.process.charge import Charge
from chaos.faults.support.base import Target

PERIOD_S = 0.1
"""The kernel's usual one, and that of containers."""


@dataclass(frozen=True, slots=True)
class Use:
    """Counters of the group: CPU seconds, periods in which it ran, and those in which its quota was used up."""

    used_s: float
    periods: int
    throttled: int


class Quota:
    """One file: `cpu.cfs_quota_us` (v1, microseconds or -1) or `cpu.max` (v2, quota or `max`, and period)."""

    def __init__(self, file: Path, charge: Charge) -> None:
        self.file = file
        self._charge = charge
        self.before = file.read_text().strip()

    @classmethod
    def of(cls, target: Target) -> "Quota | None":
        """The app's; None where it has no group whose quota can be set. Raises InjectionError on a foreign period."""
        group, charge = target.cgroup("cpu"), Charge.of(target)
        files = [group / name for name in ("cpu.cfs_quota_us", "cpu.max")] if group is not None else []
        file = next((file for file in files if file.exists()), None)
        if file is None or charge is None:
            return None
        quota = cls(file, charge)
        if (found := quota._period_s()) != PERIOD_S:
            raise InjectionError(
                f"the app's control group has a period of {found:g} s; {PERIOD_S:g} s is expected"
            )
        return quota

    def set(self, cores: float) -> None:
        """Allow so many cores from now on. Raises OSError."""
        quota_us = round(cores * PERIOD_S * 1e6)
        self.file.write_text(
            f"{quota_us} {PERIOD_S * 1e6:.0f}" if self.file.name == "cpu.max" else str(quota_us)
        )

    def restore(self) -> None:
        """What it was before. Raises OSError."""
        self.file.write_text(self.before)

    def now(self) -> str:
        """As the kernel says it."""
        return self.file.read_text().strip()

    def cores(self) -> float | None:
        """What is allowed now; None when nothing is limited."""
        first = self.now().split()[0]
        return None if first in ("max", "-1") else int(first) / (PERIOD_S * 1e6)

    def use(self) -> Use:
        """The counters now."""
        lines = (self.file.parent / "cpu.stat").read_text().splitlines()
        stat = {line.split()[0]: int(line.split()[1]) for line in lines}
        return Use(self._charge.used_s(), stat.get("nr_periods", 0), stat.get("nr_throttled", 0))

    def _period_s(self) -> float:
        if self.file.name == "cpu.max":
            return int(self.now().split()[1]) / 1e6
        return int((self.file.parent / "cpu.cfs_period_us").read_text()) / 1e6
