"""Run inside a new microVM, as root, by its own Python: make of it a sandbox as every provider promises one.

`python3 -I -S -c SOURCE WISH`, the wish as JSON: memory_bytes, disk_bytes, hosts, folder, keeps_app. Prints facts as
JSON, or a line on standard error with exit code 1; a second time only what it did the first. Only the standard library.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_CONTROLLERS = ("memory", "cpu", "io", "pids")
_LIMITS = ("memory/memory.limit_in_bytes", "unified/memory.max")
_MOST_TASKS = 4096
"""As in every other sandbox: chaos.namespaces.spec, which is not there inside."""


def main() -> None:
    """Prepare it once."""
    wish = json.loads(sys.argv[1])
    folder = Path(wish["folder"])
    done = folder / "prepared.json"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _check(wish)
        _disks(wish["disk_bytes"], folder, keeps_app=wish["keeps_app"])
        _names(wish["hosts"])
        memory = _memory(folder / "cgroup", wish["memory_bytes"])
        facts: dict[str, object] = {"memory": memory, "python": sys.executable}
        facts["wall"] = {"keep_ids": True}  # everything in there belongs to root
        part = done.with_suffix(".part")
        part.write_text(json.dumps(facts))
        part.replace(done)
    print(done.read_text())


def _check(wish: "dict[str, int]") -> None:
    """There is as much memory as is asked for, and as much again as the disks may take of it at their fullest."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    total = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:"))
    needed = wish["memory_bytes"] + wish["disk_bytes"]
    if total < needed:
        sys.exit(
            f"the template's machine has {total >> 20} MiB of memory, but {needed >> 20} MiB are asked for "
            "(sandbox.memory, and sandbox.disk, which is kept in memory): ask for less, or name a larger template"
        )


def _disks(size: int, folder: Path, *, keeps_app: bool) -> None:
    """/tmp and /app of just that size, so that filling one is a matter of seconds and harms nothing else.

    A /app that setup has filled goes there with all that is in it; one that an image has filled stays as it is.
    """
    _disk(size, Path("/tmp"), "1777")
    app = Path("/app")
    app.mkdir(exist_ok=True)
    if not any(app.iterdir()):
        _disk(size, app, "755")
    elif keeps_app:
        copy = folder / "app"
        _disk(size, copy, "755")
        try:
            _run("cp", "-a", "/app/.", str(copy))
        except subprocess.CalledProcessError as error:
            why = error.stderr.strip().rpartition("\n")[2]
            sys.exit(f"what setup made in /app does not fit into sandbox.disk, {size >> 20} MiB: {why}")
        _run("mount", "--bind", str(copy), "/app")


def _disk(size: int, place: Path, mode: str) -> None:
    place.mkdir(exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size},mode={mode},nosuid,nodev", "tmpfs", str(place))


def _names(hosts: "list[str]") -> None:
    """Names that lead to itself, like the services of a compose file."""
    if hosts:
        with Path("/etc/hosts").open("a") as file:
            file.write(f"127.0.0.1 {' '.join(hosts)}\n")


def _memory(views: Path, limit: int) -> str:
    """A control group for the app with that limit, where the agent looks for it; without one, why not."""
    try:
        if not any((views / each).exists() for each in _LIMITS):
            _make_group(views / "unified")
        for each in _LIMITS:
            if (views / each).exists():
                (views / each).write_text(str(limit))
        for each, value in (
            ("unified/memory.swap.max", 0),
            ("unified/pids.max", _MOST_TASKS),
            ("pids/pids.max", _MOST_TASKS),
        ):
            if (views / each).exists():
                (views / each).write_text(str(value))
    except (OSError, subprocess.CalledProcessError) as error:
        return f"emulated: {error}"
    return "real"


def _make_group(view: Path) -> None:
    group = _GROUPS / "chaoslab"
    group.mkdir(exist_ok=True)
    for controller in _CONTROLLERS:
        (_GROUPS / "cgroup.subtree_control").write_text(f"+{controller}")
    if not (group / "memory.max").exists():
        raise OSError("this guest has no memory controller (cgroup 2)")
    view.mkdir(parents=True, exist_ok=True)
    _run("mount", "--bind", str(group), str(view))


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("not root in there")
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(error.cmd)}: {error.stderr.strip()}")
