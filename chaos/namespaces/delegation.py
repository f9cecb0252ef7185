"""A control group from systemd: a transient scope that is ours to divide, asked for over D-Bus.

`StartTransientUnit` of org.freedesktop.systemd1.Manager with `Delegate=yes`, by busctl(1), which comes with systemd: of
the system's manager for root, of the user's own for everybody else. The scope ends when the last process in it has.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

_ANSWERS_WITHIN_S = 5.0
_MOVED_WITHIN_S = 5.0
_SYSTEM_BUS = Path("/run/dbus/system_bus_socket")
REMEDY = "systemd-run --user --scope --property=Delegate=yes chaoslab …"


class Scope(NamedTuple):
    """`group` below the mount point of cgroup 2, or why there is none."""

    group: str | None
    why_not: str = ""


def own_scope(name: str) -> Scope:
    """Have systemd move this process into a new scope `name`; it may be divided by who we are."""
    kind = "--system" if os.geteuid() == 0 else "--user"
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    bus = _SYSTEM_BUS if kind == "--system" else Path(runtime, "bus")
    busctl = shutil.which("busctl")
    if busctl is None or not bus.exists():
        return Scope(
            None, "no systemd manager of ours to ask for one" + (_LINGER if kind == "--user" else "")
        )
    before = _own_group()
    asked = [
        busctl, kind, "--quiet", f"--timeout={_ANSWERS_WITHIN_S:g}", "call", "org.freedesktop.systemd1",
        "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))",
        f"{name}.scope", "fail", "3",
        "PIDs", "au", "1", str(os.getpid()), "Delegate", "b", "true", "CollectMode", "s", "inactive-or-failed", "0",
    ]  # fmt: skip
    env = {"PATH": os.environ.get("PATH", os.defpath), "XDG_RUNTIME_DIR": runtime}
    try:
        done = subprocess.run(
            asked, env=env, capture_output=True, text=True, timeout=2 * _ANSWERS_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Scope(None, f"systemd was asked for one: {error}")
    if done.returncode != 0:
        return Scope(None, f"systemd gives none: {done.stderr.strip()}")
    # The call returns when the job is queued. What the job does is seen where it counts.
    until = time.monotonic() + _MOVED_WITHIN_S
    while (group := _own_group()) == before or not group.endswith(f"{name}.scope"):
        if time.monotonic() > until:
            return Scope(None, f"systemd did not move us into {name}.scope within {_MOVED_WITHIN_S:g} s")
        time.sleep(0.002)
    return Scope(group)


_LINGER = (
    ": log in as that user (ssh, machinectl shell), or as root: loginctl enable-linger USER; or start it with "
    + REMEDY
)


def _own_group() -> str:
    """Of this process in cgroup 2, without the leading slash."""
    lines = Path("/proc/self/cgroup").read_text(errors="surrogateescape").splitlines()
    return next((line.removeprefix("0::/") for line in lines if line.startswith("0::")), "")
