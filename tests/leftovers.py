"""What sandboxes may leave on a machine: directories, processes, mounts, control groups."""

import time
from pathlib import Path

from chaos.namespaces import cgroups


def of(runtime: Path) -> list[str]:
    """What is there of the sandboxes below `runtime`."""
    left = [f"{path}: {_names(path)}" for path in runtime.glob("box-*")]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if str(runtime / "box-") in line:
            left.append(f"process {entry.name}: {line}")
    mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    return left + [line for line in mounts if str(runtime) in line or " /run/chaoslab" in line]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir())
    except FileNotFoundError:
        return []  # it went while we looked


def groups() -> set[Path]:
    """Control groups of sandboxes, of anybody's, that hold no process: one that is used is nobody's leftover."""
    found = {*cgroups.ROOT.glob("chaoslab-*"), *cgroups.ROOT.glob("*/chaoslab-*")}
    return {group for group in found if not _is_used(group)}


def _is_used(group: Path) -> bool:
    try:
        return any((level / "cgroup.procs").read_text() for level in (group, group / "self", group / "app"))
    except OSError:
        return (group / "cgroup.procs").exists() and bool((group / "cgroup.procs").read_text())


def assert_none(runtime: Path, groups_before: set[Path], within_s: float) -> None:
    """Wait until nothing is left; a group that another sandbox is just making or removing settles, too."""
    deadline = time.monotonic() + within_s
    while (left := of(runtime)) or (more := groups() - groups_before):
        assert time.monotonic() < deadline, left or more
        time.sleep(0.05)
