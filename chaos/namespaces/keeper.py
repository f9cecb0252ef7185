"""The sandbox's keeper on the host: makes the control group and the socket, builds the box, waits, cleans up.

keeper (host)  -fork->  builder (new user, mount, net, … namespaces)  -fork->  PID 1 (new pid namespace)
Each dies with the one before it. The keeper outlives its controller, so that a killed controller leaves nothing: PID 1
ends by its lease, and the keeper then removes control group, socket and directory. It prints one JSON line when the
box is ready (or why it can't be) and closes its standard output.
"""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from chaos.namespaces import cgroups, filesystem, kernel, loopback
from chaos.namespaces.init import Init
from chaos.namespaces.spec import BoxSpec

_ALL = kernel.NEWNS | kernel.NEWPID | kernel.NEWNET | kernel.NEWIPC | kernel.NEWUTS | kernel.NEWCGROUP
_OBSERVERS_NICENESS = -10
_IDS = 2 * 65536
"""For agent and app a half each: see chaos.agent.identities."""
_ID_BASES = range(524_288, 1_878_982_656, _IDS)  # where systemd-nspawn, too, looks for unused ids


def main() -> None:
    """`python -m chaos.namespaces SPEC.json`."""
    spec = BoxSpec.from_json(Path(sys.argv[1]).read_text())
    os.umask(0o022)
    _let_observers_go_first()
    started = time.monotonic()
    cgroup = cgroups.make(f"chaoslab-{spec.id}", cgroups.CgroupLimits(spec.memory_bytes, spec.disk_bytes))
    try:
        Path(spec.folder, "groups.json").write_text(json.dumps([str(each) for each in cgroup.parents]))
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(spec.folder)  # a relative address: sun_path holds 108 bytes only
            server.bind("control.sock")
            os.chmod("control.sock", 0o600)
            server.listen(64)
            ready, told = os.pipe()
            builder = _fork_builder(spec, cgroup, server, told)
            os.close(told)
        with open(ready, "rb") as pipe:
            answer = json.loads(pipe.read() or b'{"error": "the builder died without a word"}')
        answer |= {"keeper": os.getpid(), "build_s": round(time.monotonic() - started, 4)}
        answer |= {"memory": "real" if cgroup.views else "emulated", "memory_why": cgroup.refused}
        Path("state.json").write_text(json.dumps(answer))
        print(json.dumps(answer), flush=True)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        signal.signal(
            signal.SIGTERM, lambda *_: os.kill(builder, signal.SIGKILL)
        )  # as at a shutdown: clean up first
        os.waitpid(builder, 0)
    finally:
        cgroup.remove()
        shutil.rmtree(spec.folder, ignore_errors=True)


def _let_observers_go_first() -> None:
    """Or a busy machine is taken for a slow app. App and setup commands are put back to 0; only root may do this."""
    with contextlib.suppress(PermissionError, ValueError):
        most = 20 - _OBSERVERS_NICENESS  # RLIMIT_NICE counts the other way round: setrlimit(2)
        resource.setrlimit(resource.RLIMIT_NICE, (most, most))
        os.setpriority(os.PRIO_PROCESS, 0, _OBSERVERS_NICENESS)


def _fork_builder(spec: BoxSpec, cgroup: cgroups.Cgroup, server: socket.socket, told: int) -> int:
    """Fork the builder, give it its id map from outside, and let it go on."""
    unshared, say_unshared = os.pipe()
    mapped, say_mapped = os.pipe()
    keeper = os.getpid()
    builder = os.fork()
    if builder == 0:
        os.close(unshared)
        os.close(say_mapped)
        try:
            _be_builder(spec, cgroup, server, told, say_unshared, mapped, keeper)
        except BaseException:  # noqa: BLE001  a forked child must never run its parent's clean-up
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(say_unshared)
    os.close(mapped)
    try:
        if (how := os.read(unshared, 1)) in (b"u", b"-"):
            cgroup.settle(builder, _map_ids(builder) if how == b"u" else None)
    except OSError as error:
        os.kill(builder, signal.SIGKILL)
        os.waitpid(builder, 0)
        why = f"cannot set up its control group: {error.filename or ''}: {error.strerror}"
        raise SystemExit(why) from error
    finally:
        os.close(unshared)
    with contextlib.suppress(BrokenPipeError):
        os.write(say_mapped, b"m")
    os.close(say_mapped)
    return builder


def _map_ids(pid: int) -> int:
    """Give `pid`'s user namespace its ids: 131,072 unused ones when we are root and may, else just our own as root."""
    maps = Path(f"/proc/{pid}")
    if os.geteuid() == 0:
        base = random.choice(_ID_BASES)
        try:
            (maps / "gid_map").write_text(f"0 {base} {_IDS}")
            (maps / "uid_map").write_text(f"0 {base} {_IDS}")
        except PermissionError:
            pass  # a container's root without CAP_SETUID: go on as an ordinary user
        else:
            return base
    (maps / "setgroups").write_text("deny")
    (maps / "gid_map").write_text(f"0 {os.getegid()} 1")
    (maps / "uid_map").write_text(f"0 {os.geteuid()} 1")
    return os.geteuid()


def _be_builder(
    spec: BoxSpec,
    cgroup: cgroups.Cgroup,
    server: socket.socket,
    told: int,
    say_unshared: int,
    mapped: int,
    keeper: int,
) -> NoReturn:
    kernel.die_with_parent()
    if os.getppid() != keeper:  # it had ended before
        os._exit(1)
    cgroup.add(os.getpid())
    try:
        user_namespace = _unshare(spec.may_lack)
    except OSError as error:
        _tell(told, {"error": _why_not(error), "errno": error.errno})
        os._exit(1)
    os.write(say_unshared, b"u" if user_namespace else b"-")
    if not os.read(mapped, 1):  # the keeper ended, or gave up
        os._exit(1)
    pid1 = os.fork()
    if pid1 == 0:
        _be_pid1(spec, cgroup, server, told, user_namespace)
    os.close(told)
    os.waitpid(pid1, 0)
    os._exit(0)


def _unshare(may_lack: bool) -> bool:
    """New namespaces; True when a user namespace is among them, which root `may_lack`. Raises OSError."""
    refused: OSError | None = None
    for flags in (kernel.NEWUSER, 0):
        if not flags and (os.geteuid() != 0 or not may_lack):
            break
        try:
            kernel.unshare(flags | _ALL)
        except OSError as error:
            refused = refused or error
            continue
        with contextlib.suppress(
            OSError
        ):  # time namespaces exist since Linux 5.6; nothing here depends on one
            kernel.unshare(kernel.NEWTIME)
        return bool(flags)
    assert refused is not None
    raise refused


def _be_pid1(
    spec: BoxSpec, cgroup: cgroups.Cgroup, server: socket.socket, told: int, user_namespace: bool
) -> NoReturn:
    kernel.die_with_parent()
    try:
        filesystem.build(spec, {name: str(path) for name, path in cgroup.views.items()})
        kernel.set_hostname("chaoslab")
        loopback.up()
        kernel.no_new_privileges()
        sys.stdout.flush()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        _tell(told, {"user_namespace": user_namespace})
    except OSError as error:
        _tell(told, {"error": str(error), "errno": error.errno})
        os._exit(1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    Init(server, spec.ttl_s, spec.lease_s, spec.path).serve()
    raise AssertionError("serve does not return")


def _tell(pipe: int, answer: dict[str, Any]) -> None:
    os.write(pipe, json.dumps(answer).encode())
    os.close(pipe)


def _why_not(error: OSError) -> str:
    """Why no namespaces could be had, and the remedy."""
    import errno

    remedies = {
        errno.ENOSPC: "the limit user.max_user_namespaces is 0 or used up; raise it: "
        "sysctl user.max_user_namespaces=15000",
        errno.EPERM: "the kernel, a container's seccomp profile, or AppArmor forbids user namespaces; allow them "
        "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0), choose another "
        "sandbox type, or, as root, set CHAOSLAB_ALLOW_DEGRADED=true: then no verdict is 'held'",
        errno.EINVAL: "this kernel lacks a namespace type; Linux 5.12 or later with user, pid, net, mount, ipc, uts "
        "and cgroup namespaces is needed",
    }
    remedy = remedies.get(error.errno or 0, "see user_namespaces(7)")
    return f"no Linux namespaces: {error.strerror or error}: {remedy}"
