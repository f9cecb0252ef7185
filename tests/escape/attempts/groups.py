"""Control groups: raise a limit, leave the group, freeze or end those in another."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from .core import ROOT, Refused, attempt
from .places import AGENT, first

_PLACES = (Path("/sys/fs/cgroup"), AGENT / "cgroup", AGENT / "groups")


def _files(*names: str) -> Iterator[Path]:
    for top in _PLACES:
        for folder, _, there in os.walk(top):
            yield from (Path(folder, name) for name in names if name in there)


def _written(*names: str) -> Iterator[str]:
    """Write into each what is in it already. A file that cannot be written to is refused, not what is written."""
    for path in _files(*names):
        with contextlib.suppress(OSError):
            held = path.read_text().split("\n")[0] if path.stat().st_mode & stat.S_IRUSR else "0"
            path.write_text(held)
            yield f"{path} written: {held}"


@attempt("cgroups", open_to=ROOT)
def raises_its_memory_limit() -> str:
    """memory.max, or memory.limit_in_bytes: open for root without a wall."""
    names = (
        "memory.limit_in_bytes",
        "memory.max",
        "memory.high",
        "memory.soft_limit_in_bytes",
        "memory.swappiness",
    )
    return first(_written(*names), "no limit can be written")


@attempt("cgroups", open_to=ROOT)
def raises_its_cpu_limit() -> str:
    """cpu.max, or cpu.cfs_quota_us."""
    return first(
        _written("cpu.cfs_quota_us", "cpu.max", "cpu.shares", "cpu.weight"), "no limit can be written"
    )


@attempt("cgroups", open_to=ROOT)
def raises_its_pids_limit() -> str:
    """pids.max."""
    return first(_written("pids.max"), "no limit can be written")


@attempt("cgroups")
def raises_its_io_limit() -> str:
    """io.max, or blkio.throttle."""
    names = ("io.max", "io.weight", "blkio.throttle.write_bps_device", "blkio.throttle.read_bps_device")
    return first(_written(*names), "no limit can be written")


@attempt("cgroups")
def allows_itself_every_device() -> str:
    """devices.allow of version 1."""
    for path in _files("devices.allow"):
        with contextlib.suppress(OSError):
            path.write_text("a")
            return f"{path} written"
    raise Refused("no devices.allow can be written")


@attempt("cgroups", open_to=ROOT)
def leaves_its_group() -> str:
    """Into the parent, or any other that is shown: then nothing limits it."""
    for path in _files("cgroup.procs", "tasks"):
        with contextlib.suppress(OSError):
            path.write_text(str(os.getpid()))
            return f"it is in {path.parent}"
    raise Refused("no group lets it in")


@attempt("cgroups", open_to=ROOT)
def makes_a_group_of_its_own() -> str:
    """Below a group that is shown."""
    for top in _PLACES:
        for folder, _, _ in os.walk(top):
            with contextlib.suppress(OSError):
                Path(folder, "escaped").mkdir()
                if Path(folder, "escaped", "cgroup.procs").exists():
                    Path(folder, "escaped").rmdir()
                    return f"a group in {folder}"
                Path(folder, "escaped").rmdir()
    raise Refused("none can be made")


@attempt("cgroups")
def names_a_program_for_an_empty_group() -> str:
    """release_agent of version 1: the host's kernel runs it, as root (CVE-2022-0492)."""
    return first(_written("release_agent", "notify_on_release"), "neither can be written")


@attempt("cgroups")
def freezes_or_kills_a_group() -> str:
    """cgroup.freeze, cgroup.kill, freezer.state: the agent may be in it."""
    return first(
        _written(
            "cgroup.freeze", "freezer.state", "cgroup.kill", "memory.oom_control", "cgroup.subtree_control"
        ),
        "none can be written",
    )


@attempt("cgroups", open_to=ROOT)
def makes_its_view_of_the_groups_writable() -> str:
    """The mode of the shown files is no wall when they are the app's own."""
    for path in _files("memory.limit_in_bytes", "memory.max", "pids.max", "cgroup.procs"):
        with contextlib.suppress(OSError):
            os.chmod(path, 0o666)
            return f"{path}: its mode could be changed"
    raise Refused("none of them can be changed")


@attempt("cgroups")
def sees_where_its_group_is() -> str:
    """Its cgroup namespace hides what is above: names of the sandbox and of the host's services."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    paths = {line.split(":", 2)[2] for line in lines}
    if paths == {"/"}:
        raise Refused("all of its paths are /")
    return f"{sorted(paths - {'/'})}"
