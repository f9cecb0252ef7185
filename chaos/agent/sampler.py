"""Write down at a fixed rate what the app uses: CPU, memory, disk, for the sandbox and each process.

Ticks are at fixed times. The agent measures its own CPU time too, so that what it costs is never taken for the app's.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.agent import procfs
from chaos.agent.record import Record
from chaos.agent.starvation import Starvation
from chaos.agent.supervisor import Supervisor


class Sampler:
    """One sample: percent of a core since the last one, bytes now, percent of the memory limit."""

    def __init__(self, supervisor: Supervisor, disk_paths: Sequence[str]) -> None:
        self._supervisor = supervisor
        self._disks = disk_paths
        self._last = time.monotonic()
        self._cpu: dict[str, float] = {}
        self._kills = 0
        self._starvation = Starvation(supervisor.budget)

    def sample(self) -> dict[str, Any]:
        """Look once, now."""
        now = time.monotonic()
        elapsed, self._last = max(now - self._last, 1e-6), now
        budget = self._supervisor.budget
        alive = procfs.everyone()
        trees = self._supervisor.trees(alive)
        everyone = [pid for tree in trees.values() for pid in tree]
        total = budget.cpu_seconds()
        memory = budget.used_bytes()
        return {
            "cpu_percent": self._percent(
                "*", procfs.cpu_seconds(everyone) if total is None else total, elapsed
            ),
            "memory_bytes": memory,
            "memory_percent": round(100 * memory / budget.limit_bytes, 2),
            "disk": {path: _disk(path) for path in self._disks if Path(path).exists()},
            "processes": {
                name: {
                    "cpu_percent": self._percent(name, procfs.cpu_seconds(tree), elapsed),
                    "rss_bytes": procfs.resident_bytes(tree),
                    "pids": len(tree),
                }
                for name, tree in trees.items()
            },
            "agent_cpu_percent": self._percent("agent", time.process_time(), elapsed),
            **self._starvation.look(everyone, alive),
        }

    @property
    def by_kernel(self) -> bool:
        """Whether the kernel is who kills for want of memory; else who enforces it says so itself."""
        return self._supervisor.budget.kind == "real"

    def memory_kills(self) -> int:
        """How many more processes the kernel killed for want of memory since the last look."""
        before, self._kills = self._kills, self._supervisor.budget.kills()
        return self._kills - before

    def _percent(self, key: str, seconds: float, elapsed: float) -> float:
        before = self._cpu.get(key, seconds)
        self._cpu[key] = seconds
        return round(max(0.0, 100 * (seconds - before) / elapsed), 2)


def _disk(path: str) -> dict[str, int]:
    fs = os.statvfs(path)
    return {"size_bytes": fs.f_blocks * fs.f_frsize, "used_bytes": (fs.f_blocks - fs.f_bfree) * fs.f_frsize}


async def sample_forever(
    sampler: Sampler, hz: float, record: Record, on_sample: Callable[[float, Mapping[str, Any]], None]
) -> None:
    """Sample at fixed times until cancelled; late ticks are skipped, never bunched."""
    start = time.monotonic()
    tick = 0
    while True:
        sample = sampler.sample()
        record.emit("usage.sampled", **sample)
        on_sample(time.monotonic(), sample)
        if (kills := sampler.memory_kills()) and sampler.by_kernel:
            record.emit("memory.killed", processes=kills, by="kernel")
        tick = max(tick + 1, int((time.monotonic() - start) * hz) + 1)
        await asyncio.sleep(start + tick / hz - time.monotonic())


async def enforce_forever(supervisor: Supervisor, record: Record, hz: float = 20.0) -> None:
    """Where no control group limits the app's memory: be the limit, 20 times a second."""
    while supervisor.budget.kind == "emulated":
        if done := supervisor.budget.enforce():
            record.emit("memory.killed", processes=1, by="agent", **done)
        await asyncio.sleep(1 / hz)
