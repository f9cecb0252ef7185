"""The highest cpu, memory and disk usage of a run, from the agent's samples.

`cpu_percent` is of one core (two busy cores are 200), as Linux tools print it; memory is a share of the
sandbox's limit. A peak is the highest single sample: at 10 Hz that is an average over 100 ms, so a shorter
burst shows as less.
"""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from chaos.analysis.record import Record
from chaos.analysis.result import UsagePeaks
from chaos.events import Event


def peaks(record: Record) -> UsagePeaks:
    """The peaks of the whole run."""
    samples = record.of("usage.sampled")
    memory_bytes = _highest(samples, "memory_bytes")
    agent = _values(samples, "agent_cpu_percent")
    return UsagePeaks(
        cpu_peak_percent=_highest(samples, "cpu_percent"),
        memory_peak_percent=_highest(samples, "memory_percent"),
        memory_peak_bytes=None if memory_bytes is None else int(memory_bytes),
        disk_peak_percent=_disk_peaks(samples),
        agent_cpu_mean_percent=fmean(agent) if agent else None,
    )


def disk_percent(data: Mapping[str, Any]) -> dict[str, float]:
    """Path -> how full its file system is, of one sample."""
    disk = data.get("disk") or {}
    return {
        path: 100.0 * entry["used_bytes"] / entry["size_bytes"]
        for path, entry in disk.items()
        if entry["size_bytes"]
    }


def _disk_peaks(samples: list[Event]) -> dict[str, float]:
    highest: dict[str, float] = {}
    for event in samples:
        for path, full in disk_percent(event.data).items():
            highest[path] = max(full, highest.get(path, 0.0))
    return highest


def _values(samples: list[Event], key: str) -> list[float]:
    return [float(value) for event in samples if isinstance(value := event.data.get(key), int | float)]


def _highest(samples: list[Event], key: str) -> float | None:
    return max(_values(samples, key), default=None)
