"""Open slot of a live chart: its highest usage and worst samples, until it is complete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.analysis.usage import disk_percent


@dataclass(slots=True)
class Slot:
    """See Frame."""

    cpu: float | None = None
    memory: float | None = None
    disk: dict[str, float] = field(default_factory=dict)
    probes: dict[str, tuple[bool, float]] = field(default_factory=dict)

    def use(self, data: Mapping[str, Any]) -> None:
        """One `usage.sampled`."""
        self.cpu = _highest(self.cpu, data.get("cpu_percent"))
        self.memory = _highest(self.memory, data.get("memory_percent"))
        for path, full in disk_percent(data).items():
            self.disk[path] = max(full, self.disk.get(path, 0.0))

    def look(self, name: str, good: bool, took_s: float) -> bool:
        """One look; whether it is the worst so far."""
        worst = self.probes.get(name)
        if worst is not None and (worst[0], -worst[1]) <= (good, -took_s):
            return False
        self.probes[name] = good, took_s
        return True


def _highest(so_far: float | None, value: float | None) -> float | None:
    if value is None:
        return so_far
    return float(value) if so_far is None else max(so_far, float(value))
