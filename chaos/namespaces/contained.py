"""PID 1 of a container that somebody else's engine made: puts it in order as a sandbox, then serves like any other.

An engine gives namespaces, a file tree and a limit for everything together. What it does not give is made here: a
control group for the app alone, a loopback with an address, the names of the app's processes, a root nobody writes to.
"""

import contextlib
import errno
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from chaos.namespaces import cpusets, image, kernel, loopback
from chaos.namespaces.init import Init
from chaos.namespaces.spec import IMAGE_ROOT, MOST_TASKS

SOCKET = "/run/chaoslab/control.sock"
_GROUPS = Path("/run/chaoslab/groups")
_VIEWS = Path("/run/chaoslab/cgroup")
_WANTED = ("memory", "cpuacct", "cpu", "cpuset", "pids", "blkio")
_OBSERVERS_NICENESS = -10
_OTHERS_LEAVE_WITHIN_S = 10.0


class ContainerOrder(NamedTuple):
    """What the host tells it, as JSON on its command line. Sizes in bytes, times in seconds."""

    memory_bytes: int
    ttl_s: float
    lease_s: float
    hosts: list[str]
    image: dict[str, Any] | None
    """How the commands of a user's image run; None when the app is a directory."""


def main(order: str) -> None:
    """Put the container in order and serve; does not return."""
    told = ContainerOrder(**json.loads(order))
    os.umask(0o022)
    Path(SOCKET).parent.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("PATH", os.defpath)
    facts: dict[str, Any] = {"python": sys.executable}
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _OBSERVERS_NICENESS)
    facts |= _app_group(told.memory_bytes)
    _own_network(told.hosts)
    if (config := image.plain_config(told.image)) is not None:
        image.share()
        facts["wall"] = {"image": {"root": IMAGE_ROOT, "told": image.tell(config)}}
    _read_only_root()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(SOCKET)
        os.chmod(SOCKET, 0o600)
        server.listen(64)
        Init(server, told.ttl_s, told.lease_s, path, facts).serve()


def _app_group(memory_bytes: int) -> dict[str, Any]:
    """Make the app's own control group below the container's; whether there is one that limits its memory."""
    try:
        if Path("/sys/fs/cgroup/cgroup.controllers").exists():
            _make_v2(memory_bytes)
        else:
            _make_v1(memory_bytes)
    except OSError as error:
        return {"memory": "emulated", "memory_why": f"{error.filename or 'control groups'}: {error.strerror}"}
    return {"memory": "real", "memory_why": ""}


def _make_v1(memory_bytes: int) -> None:
    mounted = {
        line.split()[4]
        for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    }
    for line in Path("/proc/self/cgroup").read_text(errors="surrogateescape").splitlines():
        names = line.split(":")[1]
        place = f"/sys/fs/cgroup/{names}"
        wanted = [name for name in _WANTED if name in names.split(",")]
        if wanted and place in mounted:
            group = _writable(place, _GROUPS / wanted[0])
            app = group / "app"
            app.mkdir()
            cpusets.fill(app, group)
            _limit(app, memory_bytes)
            for name in wanted:
                _show(app, _VIEWS / name)
    if not (_VIEWS / "memory").exists():
        raise FileNotFoundError(2, "no memory controller", "/sys/fs/cgroup/memory")


def _make_v2(memory_bytes: int) -> None:
    """One group for everybody who is here, and one for the app, to which the controllers are handed down."""
    group = _writable("/sys/fs/cgroup", _GROUPS / "unified")
    for name in ("self", "app"):
        (group / name).mkdir()
    offered = (group / "cgroup.controllers").read_text().split()
    wanted = [
        name for name in ("memory", "cpu", "cpuset", "pids", "io") if name == "memory" or name in offered
    ]
    _hand_down(group, " ".join(f"+{name}" for name in wanted))
    _limit(group / "app", memory_bytes)
    _show(group / "app", _VIEWS / "unified")


def _hand_down(group: Path, controllers: str) -> None:
    """Everything that runs moves down first: a group that hands controllers down may hold no process itself.

    The engine puts one more there whenever it is asked to run something in the container, which begins at once.
    """
    until = time.monotonic() + _OTHERS_LEAVE_WITHIN_S
    while True:
        for pid in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                (group / "self/cgroup.procs").write_text(pid)  # 0 is one that we cannot see: then it is us
        try:
            (group / "cgroup.subtree_control").write_text(controllers)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _limit(app: Path, memory_bytes: int) -> None:
    """Memory without swap, and processes. A kernel that does not count swap has no files for it."""
    for name, value in (
        ("memory.limit_in_bytes", memory_bytes),
        ("memory.memsw.limit_in_bytes", memory_bytes),
        ("memory.max", memory_bytes),
        ("memory.swap.max", 0),
        ("pids.max", MOST_TASKS),
    ):
        if (app / name).exists():
            (app / name).write_text(str(value))


def _writable(source: str, place: Path) -> Path:
    """The engine's read-only view of the container's groups once more, to write to."""
    _show(Path(source), place)
    kernel.mount(None, str(place), None, kernel.MS_REMOUNT | kernel.MS_BIND | _PLAIN)
    return place


def _show(source: Path, place: Path) -> None:
    place.mkdir(parents=True)
    kernel.mount(str(source), str(place), None, kernel.MS_BIND)


_PLAIN = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def _own_network(hosts: list[str]) -> None:
    """Loopback up; names of the app's processes lead to it, and questions of DNS, too."""
    loopback.up()
    _rewrite("/etc/hosts", f"127.0.0.1 {' '.join(['localhost', *hosts])}\n::1 localhost\n")
    _rewrite(
        "/etc/resolv.conf",
        "# only this sandbox's own loopback\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    )


def _rewrite(path: str, text: str) -> None:
    """In place: engines show these files by bind mounts."""
    Path(path).write_text(text)


def _read_only_root() -> None:
    """As in a local sandbox: what is written is on a disk with a size."""
    kernel.mount(None, "/", None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY)
