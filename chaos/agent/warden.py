"""PID 1 among the app's processes: builds the wall, starts each on the agent's word, reaps what they leave.

It has the agent's identity, in a pid namespace of its own, and what it starts has not: a process joins the app's
control group, mount and user namespaces, gets a keyring and a session of its own, loses every way to more privileges,
and is filtered before its first instruction. It dies with the agent, and with it everything of the app's.

Wire: a datagram names a request, its JSON comes in a memfd beside it (see chaos.agent.wall), the answer is a datagram.
"""

import base64
import contextlib
import errno
import json
import os
import resource
import selectors
import signal
import socket
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any, NoReturn

from chaos.agent.accounts import Account, account
from chaos.agent.enclosure import FOLDER, Enclosure, build
from chaos.agent.identities import FULL, Identities, identities, unused
from chaos.agent.syscall_filter import PACKED
from chaos.namespaces import kernel

MESSAGE = 65536
"""The longest datagram."""
NAMESPACE = b"\n"
"""What comes with the descriptor of a process's namespace; what failed comes after it."""
_DESCRIPTORS = 4
_CAP_SYS_CHROOT = 18  # <linux/capability.h>
_MOST_TASKS = 4096
_NO_CORE = 1
_CHILD = 0
"""What fork(2) returns in the child."""
_FIRST_OTHER = 3
"""The descriptor after standard error."""


class Warden:
    """The loop. `at` is its end of the agent's socket."""

    def __init__(self, at: socket.socket) -> None:
        self._at = at
        self._ids = Identities("one", ("0 0 1",), 0, 1)
        self._user = -1
        self._image: Mapping[str, Any] = {}
        self._groups: Sequence[int] = ()
        self._filter = zlib.decompress(base64.b85decode(PACKED))
        self._asked_for: set[int] = set()
        """Children whose end the agent will ask for; until then their zombies keep their numbers."""

    def serve(self) -> NoReturn:
        """Answer until the agent hangs up."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as ready:
            ready.register(self._at, selectors.EVENT_READ)
            ready.register(woken, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is self._at:
                        self._answer()
                    else:
                        with contextlib.suppress(BlockingIOError):
                            os.read(woken, 4096)
                self._reap()

    def _answer(self) -> None:
        name, descriptors, _, _ = socket.recv_fds(self._at, MESSAGE, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        if not name:
            os._exit(0)
        try:
            with open(descriptors[0], "rb") as file:
                file.seek(0)
                asked = json.loads(file.read())
            answer, sent = getattr(self, f"_do_{name.decode()}")(asked, descriptors[1:])
        except OSError as error:
            answer, sent = {"errno": error.errno, "why": error.strerror, "what": error.filename}, []
        finally:
            for descriptor in descriptors[1:]:
                os.close(descriptor)
        socket.send_fds(self._at, [json.dumps(answer).encode()], sent)
        for descriptor in sent:
            os.close(descriptor)

    def _do_build(
        self, asked: Mapping[str, Any], _descriptors: Sequence[int]
    ) -> tuple[dict[str, Any], list[int]]:
        """Namespaces, file tree and ids for all that will be started."""
        self._image = asked["image"] or {}
        uid_map = Path("/proc/self/uid_map").read_text()
        self._ids = identities(uid_map, keep=asked["keep_ids"], unused_base=_unused_base())
        self._groups = [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in asked["groups"]]
        root = self._image.get("root", "")
        seen = asked["memory_bytes"], tuple(asked["processors"])
        build(Enclosure(root, tuple(asked["users"]), asked["home"], *seen), self._ids)
        self._user, mounts = self._namespaces()
        kernel.setns(
            mounts, kernel.NEWNS
        )  # for us, for what we start, and for whoever looks through our eyes
        os.close(mounts)
        kernel.no_new_privileges()
        return {"ids": self._ids.kind, "root": self._ids.root}, []

    def _namespaces(self) -> tuple[int, int]:
        """The app's user namespace and the mount namespace that belongs to it: kept by descriptors, not by a process.

        Mounts that are copied into it are locked, as its user namespace is another one (mount_namespaces(7)).
        """
        unshared, say_unshared = os.pipe()
        opened, say_opened = os.pipe()
        child = os.fork()
        if child == _CHILD:
            failed = _errno_of(lambda: kernel.unshare(kernel.NEWUSER | kernel.NEWNS))
            os.write(say_unshared, bytes([failed]))
            os.close(say_opened)
            os.read(opened, 1)
            os._exit(0)
        os.close(opened)
        try:
            if failed := os.read(unshared, 1)[0]:
                raise OSError(failed, os.strerror(failed), "the app's user namespace")
            self._map(child)
            return tuple(os.open(f"/proc/{child}/ns/{kind}", os.O_RDONLY) for kind in ("user", "mnt"))  # type: ignore[return-value]
        finally:
            for descriptor in (unshared, say_unshared, say_opened):
                os.close(descriptor)
            os.waitpid(child, 0)

    def _map(self, child: int) -> None:
        place = Path(f"/proc/{child}")
        if self._ids.kind == "one":
            (place / "setgroups").write_text("deny")
        for name in ("gid_map", "uid_map"):
            (place / name).write_text("\n".join(self._ids.lines))

    def _do_spawn(
        self, asked: Mapping[str, Any], descriptors: Sequence[int]
    ) -> tuple[dict[str, Any], list[int]]:
        """Start one process; the number by which its end is asked for, its descriptor (pidfd_open(2)), and a socket.

        The socket gives the namespace by which its descendants are told, says what failed, and ends when the process
        executes its command. Nobody waits for it here: until then the app may stop it, and must not stop us.
        """
        heard, told = socket.socketpair()
        child = os.fork()
        if child == _CHILD:
            self._become(asked, descriptors, told)
        told.close()
        self._asked_for.add(child)
        return {"number": child}, [os.pidfd_open(child), heard.detach()]

    def _become(self, asked: Mapping[str, Any], descriptors: Sequence[int], tell: socket.socket) -> NoReturn:
        """The way of a process from the agent's identity to the app's; what fails is told, and it ends."""
        try:
            self._be_the_app(asked, descriptors, tell)
        except OSError as error:
            what = os.fsdecode(error.filename or asked["argv"][0])
            tell.sendall(json.dumps({"errno": error.errno, "why": error.strerror, "what": what}).encode())
        except BaseException as error:  # noqa: BLE001  a forked child must never run its parent's clean-up
            why = f"{type(error).__name__}: {error}"
            tell.sendall(json.dumps({"errno": errno.EINVAL, "why": why, "what": "the wall"}).encode())
        os._exit(127)

    def _be_the_app(self, asked: Mapping[str, Any], descriptors: Sequence[int], tell: socket.socket) -> None:
        os.setsid()
        null = os.open("/dev/null", os.O_RDONLY)
        for number, source in enumerate((null, *descriptors[:2])):
            os.dup2(source, number)
        for group in self._groups if asked["limited"] else ():
            os.write(group, b"0")
        with contextlib.suppress(OSError):  # a kernel without it
            kernel.unshare(kernel.NEWCGROUP)
            _show_namespace(tell)
        kernel.own_keyring()
        with contextlib.suppress(PermissionError):  # it runs at a lower one, and may not leave that
            os.setpriority(os.PRIO_PROCESS, 0, 0)  # the agent itself may run at a higher priority
        home = self._lose_identity(asked)
        for number in range(1, signal.NSIG):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        kernel.close_on_exec(_FIRST_OTHER)
        _limit()
        kernel.no_new_privileges()
        kernel.filter_system_calls(self._filter)
        os.execvpe(asked["argv"][0], asked["argv"], {"HOME": home, **asked["env"]})

    def _lose_identity(self, asked: Mapping[str, Any]) -> str:
        """Into the app's namespaces, as the user that was asked for; where that one is at home."""
        root = self._image.get("root", "")
        if self._ids.kind == "one":
            who = self._who(asked["user"], root)
            _alone_as(who.uid, who.gid)
        else:
            kernel.setns(self._user, kernel.NEWUSER)
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
            os.setgroups([])
            who = self._who(asked["user"], root)
        if root:
            os.chroot(root)
            kernel.drop_capability(_CAP_SYS_CHROOT)  # a second chroot(2) would lead out of the first
        os.chdir(_within(asked["cwd"], root) or self._image["workdir"])
        if self._ids.kind != "one":
            os.setgroups(list(who.groups))
            os.setresgid(who.gid, who.gid, who.gid)
            os.setresuid(who.uid, who.uid, who.uid)
        return who.home

    def _who(self, user: str, root: str) -> Account:
        who = account(user or self._image.get("user", ""), root)
        if max(who.uid, who.gid) >= (FULL if self._ids.kind == "one" else self._ids.count):
            why = f"this sandbox has ids below {self._ids.count} only"
            raise OSError(errno.EINVAL, why, f"user {user}")
        return who

    def _do_wait(
        self, asked: Mapping[str, Any], _descriptors: Sequence[int]
    ) -> tuple[dict[str, Any], list[int]]:
        """How a process ended, as subprocess says it; it must have ended, or be about to."""
        number = asked["number"]
        _, status = os.waitpid(number, 0)
        self._asked_for.discard(number)
        return {"code": os.waitstatus_to_exitcode(status)}, []

    def _reap(self) -> None:
        """Collect adopted zombies up to the first that the agent has yet to ask for."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in self._asked_for:
                return
            os.waitpid(found.si_pid, 0)


def _show_namespace(tell: socket.socket) -> None:
    """Give away the namespace by which we and all that we start are told: nobody behind the wall leaves it."""
    namespace = os.open("/proc/self/ns/cgroup", os.O_RDONLY | os.O_CLOEXEC)
    socket.send_fds(tell, [NAMESPACE], [namespace])
    os.close(namespace)


def _limit() -> None:
    """A hard limit on processes and threads, beside the control group's: where there is none it is the only one.

    And no dumped core: the kernel would start the host's program for it (core(5): a limit of 1 forbids that, not 0).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (_NO_CORE, _NO_CORE))
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    most = _MOST_TASKS if hard == resource.RLIM_INFINITY else min(hard, _MOST_TASKS)
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def _unused_base() -> int:
    """What this sandbox has chosen: its files belong to those ids from then on."""
    place = Path(FOLDER, "identities")
    if not place.exists():
        part = place.with_suffix(".part")
        part.write_text(str(unused(SystemRandom())))
        part.replace(place)
    return int(place.read_text())


def _within(path: str, root: str) -> str:
    """The path as seen from that root; empty when it is not below it."""
    return (path[len(root) :] or "/") if (path + "/").startswith(root + "/") else ""


def _alone_as(uid: int, gid: int) -> None:
    """A user namespace whose only id is that one, where there is only one to map."""
    own_uid, own_gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{gid} {own_gid} 1")
    Path("/proc/self/uid_map").write_text(f"{uid} {own_uid} 1")


def _errno_of(action: Any) -> int:
    try:
        action()
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0


def be_warden(at: socket.socket) -> NoReturn:
    """What the fork of the agent becomes; does not return."""
    try:
        kernel.die_with_parent()
        kernel.not_dumpable()
        os.setsid()
        os.dup2(
            os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0
        )  # what the agent is given there is not for us
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        kernel.unshare(kernel.NEWNS | kernel.NEWIPC)
        Warden(at).serve()
    except OSError as error:
        sys.stderr.write(f"warden: {error}\n")
    finally:
        os._exit(1)
