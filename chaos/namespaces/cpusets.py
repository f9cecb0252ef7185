"""Processors of a new control group of version 1, which takes no process before it was told them."""

from pathlib import Path

_SETS = ("cpuset.cpus", "cpuset.mems")


def fill(group: Path, parent: Path) -> None:
    """A group of v1 takes no process before it was told its processors: all of its parent's (cpusets.rst).

    It limits nothing. A JVM takes control groups version 1 for a container's only where all it knows are mounted.
    """
    for name in _SETS:
        if (group / name).exists() and not (group / "cgroup.controllers").exists():
            (group / name).write_text((parent / name).read_text())
