"""What the app's control group was charged for CPU time; none where there is no such group."""

from pathlib import Path

from chaos.faults.support.base import Target


class Charge:
    """Reads `cpuacct.usage` (v1, nanoseconds) or `cpu.stat` (v2, its first line is `usage_usec`)."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of(cls, target: Target) -> "Charge | None":
        """The app's; None where its CPU time is not counted."""
        group = target.cgroup("cpuacct")
        files = [group / name for name in ("cpuacct.usage", "cpu.stat")] if group is not None else []
        return next((cls(file) for file in files if file.exists()), None)

    def used_s(self) -> float:
        """CPU time of everything that ever ran in it."""
        words = self._file.read_text().split()
        return int(words[1]) / 1e6 if words[0] == "usage_usec" else int(words[0]) / 1e9
