"""What the app reads in /proc/meminfo: the memory that its own limit leaves it, as in a machine of that size.

The kernel's file tells of the whole machine, whoever reads it, and what sizes itself by it (a cache, a pool, libuv's
`uv_get_total_memory`) would take more than it may have. Here a file of ours lies over it. It is made before the app
starts (chaos.agent.enclosure) and written anew twice a second, in place and always in the same length, so that whoever
reads it meanwhile gets whole lines. Lines about the kernel itself (mappings, huge pages) stay the kernel's.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from chaos.agent.budget import Budget

PLACE = Path("/run/chaoslab/meminfo")
"""Where it is written; the app sees it as /proc/meminfo only."""
_KERNELS = Path("/proc/meminfo")
_EVERY_S = 0.5
_NOTHING = (
    "Buffers", "SwapCached", "SwapTotal", "SwapFree", "Zswap", "Zswapped", "KReclaimable", "Slab", "SReclaimable",
    "SUnreclaim", "KernelStack", "PageTables", "SecPageTables", "Unevictable", "Mlocked", "Dirty", "Writeback",
)  # fmt: skip
"""What a group has none of, or does not count."""
_COUNTED: Mapping[str, tuple[str, str]] = {
    "Dirty": ("total_dirty", "file_dirty"),
    "Writeback": ("total_writeback", "file_writeback"),
    "AnonPages": ("total_rss", "anon"),
    "Mapped": ("total_mapped_file", "file_mapped"),
    "Shmem": ("total_shmem", "shmem"),
    "Cached": ("total_cache", "file"),
    "Active(anon)": ("total_active_anon", "active_anon"),
    "Inactive(anon)": ("total_inactive_anon", "inactive_anon"),
    "Active(file)": ("total_active_file", "active_file"),
    "Inactive(file)": ("total_inactive_file", "inactive_file"),
    "Unevictable": ("total_unevictable", "unevictable"),
    "Slab": ("", "slab"),
    "SReclaimable": ("", "slab_reclaimable"),
    "SUnreclaim": ("", "slab_unreclaimable"),
    "KernelStack": ("", "kernel_stack"),
    "PageTables": ("", "pagetables"),
}
"""A line of meminfo -> its counter in memory.stat of a control group v1, and of one v2.

Their names are those of Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
"""


def meminfo(kernels: str, limit_bytes: int, used_bytes: int, counters: Mapping[str, int]) -> str:
    """The text of proc(5), `meminfo`, for a machine with the limit as its memory.

    `used_bytes` is all that is charged, the page cache included; `counters` are those of memory.stat. As the kernel
    does, what may be dropped at once (file pages) counts as available. Nothing exceeds what the whole machine has.
    """
    machine = {name: int(value.split()[0]) * 1024 for name, value in map(_parted, kernels.splitlines())}
    limit_bytes = min(limit_bytes, machine["MemTotal"])
    lines = dict.fromkeys(_NOTHING, 0)
    for name, keys in _COUNTED.items():
        lines[name] = next((counters[key] for key in keys if key in counters), 0)
    lines["Active"] = lines["Active(anon)"] + lines["Active(file)"]
    lines["Inactive"] = lines["Inactive(anon)"] + lines["Inactive(file)"]
    lines["MemTotal"] = limit_bytes
    lines["MemFree"] = min(max(0, limit_bytes - used_bytes), machine["MemFree"])
    dropped = lines["Active(file)"] + lines["Inactive(file)"] + lines["SReclaimable"]
    lines["MemAvailable"] = min(limit_bytes, lines["MemFree"] + dropped, machine["MemAvailable"])
    return "".join(_line(line, lines) for line in kernels.splitlines(keepends=True))


def _parted(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value


def _line(line: str, ours: Mapping[str, int]) -> str:
    """The kernel's own form: `%-16s%8lu kB`."""
    name = line.partition(":")[0]
    return f"{name + ':':<16}{ours[name] // 1024:>8} kB\n" if name in ours else line


def begin(limit_bytes: int, place: Path = PLACE) -> Path:
    """The file as it is before anything of the app's runs. Raises OSError."""
    place.write_text(meminfo(_KERNELS.read_text(), limit_bytes, 0, {}))
    place.chmod(0o444)
    return place


async def keep_true(budget: Budget, place: Path = PLACE) -> None:
    """Write it anew until cancelled, from when it is there: a process that is behind no wall sees the kernel's."""
    while True:
        if place.exists():
            limit, used, counters = budget.account()
            _overwrite(place, meminfo(_KERNELS.read_text(), limit, used, counters).encode())
        await asyncio.sleep(_EVERY_S)


def _overwrite(place: Path, text: bytes) -> None:
    """The same file, as it is mounted elsewhere; its length stays, so nobody reads half of a number."""
    file = os.open(place, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(file, text, 0)
    finally:
        os.close(file)
