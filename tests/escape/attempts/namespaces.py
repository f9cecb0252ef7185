"""Namespaces: make new ones, in which one is root again, or enter somebody else's."""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Iterator

from . import calls
from .core import ANYBODY, Refused, attempt
from .places import first, strangers

_ALL = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time")
_NS_GET_USERNS, _NS_GET_PARENT = 0xB701, 0xB702


def _unshared(flags: int, what: str) -> str:
    calls.call("unshare", flags)
    return f"a {what} of its own"


@attempt("namespaces", open_to=ANYBODY)
def makes_a_user_namespace() -> str:
    """Root again, with every capability: the door to most holes of the kernel."""
    return _unshared(calls.NEWUSER, "user namespace")


@attempt("namespaces", open_to=ANYBODY)
def makes_a_mount_namespace() -> str:
    """Without a new user namespace: with the capabilities that it has."""
    return _unshared(calls.NEWNS, "mount namespace")


@attempt("namespaces", open_to=ANYBODY)
def makes_a_network_namespace() -> str:
    """Away from the faults of its network."""
    return _unshared(calls.NEWNET, "network namespace")


@attempt("namespaces", open_to=ANYBODY)
def makes_a_pid_namespace() -> str:
    """Away from the agent's looks at its processes."""
    return _unshared(calls.NEWPID, "pid namespace")


@attempt("namespaces", open_to=ANYBODY)
def makes_an_ipc_a_uts_and_a_cgroup_namespace() -> str:
    """The small ones."""
    return first(_each_unshared(), "none of them")


def _each_unshared() -> Iterator[str]:
    for flags, what in (
        (calls.NEWIPC, "ipc"),
        (calls.NEWUTS, "uts"),
        (calls.NEWCGROUP, "cgroup"),
        (calls.NEWTIME, "time"),
    ):
        with contextlib.suppress(OSError):
            yield _unshared(flags, f"{what} namespace")


@attempt("namespaces", open_to=ANYBODY)
def clones_into_a_user_namespace() -> str:
    """The same by clone(2)."""
    pid = calls.call("clone", calls.NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return f"process {pid} was born in one"


@attempt("namespaces")
def clones_into_a_user_namespace_by_clone3() -> str:
    """The same by clone3(2), whose flags no filter can read."""
    arguments = ctypes.create_string_buffer(
        struct.pack("11Q", calls.NEWUSER, 0, 0, 0, signal.SIGCHLD, *[0] * 6)
    )
    pid = calls.call("clone3", arguments, 88)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return f"process {pid} was born in one"


@attempt("namespaces")
def enters_the_namespaces_of_pid_1() -> str:
    """By setns(2) of its files in /proc."""
    return first(_entered([1]), "none that is not its own already")


@attempt("namespaces")
def enters_the_namespaces_of_a_stranger() -> str:
    """The agent's, or a helper's."""
    return first(_entered(strangers()), "none that is not its own already")


def _entered(pids: list[int]) -> Iterator[str]:
    for pid in pids:
        for kind in _ALL:
            with contextlib.suppress(OSError):
                theirs, own = f"/proc/{pid}/ns/{kind}", f"/proc/self/ns/{kind}"
                if os.readlink(theirs) != os.readlink(own):
                    calls.call("setns", os.open(theirs, os.O_RDONLY), 0)
                    yield f"{theirs}"


@attempt("namespaces")
def enters_by_a_pidfd() -> str:
    """All of them at once: setns(2) takes a pidfd since Linux 5.8."""
    before = [os.readlink(f"/proc/self/ns/{kind}") for kind in _ALL]
    process = calls.call("pidfd_open", 1, 0)
    calls.call("setns", process, calls.NEWNS | calls.NEWPID | calls.NEWIPC | calls.NEWCGROUP | calls.NEWUTS)
    if before == [os.readlink(f"/proc/self/ns/{kind}") for kind in _ALL]:
        raise Refused("they are its own")
    return "those of PID 1"


@attempt("namespaces")
def climbs_to_the_parent_namespaces() -> str:
    """ioctl_ns(2) leads from a namespace to its parent and to its owner; the kernel stops at one's own."""
    return first(_climbed(), "its own are the top that it sees")


def _climbed() -> Iterator[str]:
    own = {os.readlink(f"/proc/self/ns/{kind}") for kind in _ALL}
    for kind in _ALL:
        for way in (_NS_GET_PARENT, _NS_GET_USERNS):
            with contextlib.suppress(OSError):
                there = fcntl.ioctl(os.open(f"/proc/self/ns/{kind}", os.O_RDONLY), way)
                if os.readlink(f"/proc/self/fd/{there}") not in own:
                    calls.call("setns", there, 0)
                    yield f"from {kind} to {os.readlink(f'/proc/self/fd/{there}')}"


@attempt("namespaces", open_to=ANYBODY)
def renames_the_machine() -> str:
    """The host's name belongs to the sandbox."""
    socket.sethostname(socket.gethostname())
    return "the name could be changed"


@attempt("namespaces")
def maps_other_ids() -> str:
    """Write its own uid_map once more: a map with the host's root in it."""
    for name in ("uid_map", "gid_map"):
        with contextlib.suppress(OSError):
            with open(f"/proc/self/{name}", "w") as file:
                file.write("0 0 4294967295")
            return f"{name} was written"
    raise Refused("the maps stay")
