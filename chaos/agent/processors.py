"""The CPU limit of a sandbox: the quota of the app's control group, and as many processors as the app sees.

As a container's limit is: in every 100 ms the app may use so much CPU time (sched-bwc.rst, cgroup-v2.rst). What sizes
itself by the number of processors must see that, too. A JVM and .NET read the quota; Go, Node, Python and `nproc` ask
which processors they may run on (sched_getaffinity(2)), so the app's cpuset has no more of them than the limit needs;
and who reads /proc/cpuinfo, or glibc's count of the processors online, finds files of ours, as with /proc/meminfo.
"""

import contextlib
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from chaos.errors import TargetError
from chaos.run_spec.model import RunSpec

PERIOD_US = 100_000
"""The kernel's usual one, and that of containers."""
GROUPS = Path("/run/chaoslab/cgroup")
FOLDER = Path("/run/chaoslab")
CPUINFO, ONLINE = Path("/proc/cpuinfo"), Path("/sys/devices/system/cpu/online")


def chosen(order: RunSpec) -> Sequence[int]:
    """The processors that the app is to see, drawn by the run's seed; none where that is all there are."""
    cores, usable = order.cpu_limit, sorted(os.sched_getaffinity(0))
    if cores is None or math.ceil(cores) >= len(usable):
        return ()
    from random import Random  # read where it is asked for only: see chaos.agent.main

    return sorted(Random(f"processors {order.seed}").sample(usable, math.ceil(cores)))


def limit(order: RunSpec, groups: Path = GROUPS) -> None:
    """Set the quota of the app's group, and its processors where the kernel has groups of them. Raises TargetError."""
    if (cores := order.cpu_limit) is None:
        return
    quota = round(cores * PERIOD_US)
    for file, text in (("cpu/cpu.cfs_quota_us", str(quota)), ("unified/cpu.max", f"{quota} {PERIOD_US}")):
        if (groups / file).exists():
            try:
                (groups / file).write_text(text)
            except OSError as error:
                raise TargetError(f"sandbox.cpu cannot be set: {file}: {error.strerror}") from error
            break
    else:
        raise TargetError("sandbox.cpu cannot be set: the app has no control group with a CPU quota here")
    processors = listed(chosen(order))
    for file in ("cpuset/cpuset.cpus", "unified/cpuset.cpus"):
        if processors and (groups / file).exists():
            with contextlib.suppress(OSError):  # as in a container, it then sees more than it may use
                (groups / file).write_text(processors)


def views(processors: Sequence[int], folder: Path = FOLDER) -> Mapping[Path, Path]:
    """Files of ours, as the app is to see them -> where. Raises OSError."""
    if not processors:
        return {}
    texts = {CPUINFO: cpuinfo(CPUINFO.read_text(), processors), ONLINE: f"{listed(processors)}\n"}
    made = {}
    for place, text in texts.items():
        if place.exists():
            file = folder / f"processors.{place.name}"
            file.write_text(text)
            file.chmod(0o444)
            made[file] = place
    return made


def cpuinfo(kernels: str, processors: Sequence[int]) -> str:
    """The text of proc(5), `cpuinfo`, of these only; what is of no single processor stays."""
    wanted = {str(number) for number in processors}
    parts = kernels.split("\n\n")
    return "\n\n".join(part for part in parts if (number := _number(part)) is None or number in wanted)


def _number(part: str) -> str | None:
    name, _, value = part.lstrip("\n").partition("\n")[0].partition(":")
    return value.strip() if name.strip() == "processor" else None


def listed(processors: Sequence[int]) -> str:
    """As the kernel writes lists (cpuset(7), List format), each by itself."""
    return ",".join(map(str, processors))
