"""The wall between agent and app, seen from the agent: begun first, built once, then asked for processes.

`Wall.begin()` forks the warden (chaos.agent.warden) as PID 1 of the app's pid namespace; `build` has it make the other
namespaces; `spawn` starts a process of the app's behind them. Where nobody may make user namespaces there is no wall,
and a run is refused, or goes on in the open with a doubt when its order says that it may.
"""

import contextlib
import errno
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from chaos.agent.enclosure import groups_to_join
from chaos.agent.processors import chosen
from chaos.agent.warden import MESSAGE, NAMESPACE, be_warden
from chaos.errors import TargetError
from chaos.namespaces import kernel
from chaos.run_spec.model import AloneSpec, ImageSpec, RunSpec, WallSpec

if TYPE_CHECKING:
    import subprocess

_BEGINS_WITHIN_S = 5.0


class Child(Protocol):
    """A started process. `pid` is its number here, which stays its own until `wait` was called."""

    pid: int
    namespace: int | None
    """A descriptor of a namespace that it shares with its descendants only, until `wait`; None where there is none."""

    def wait(self) -> int:
        """How it ended, as subprocess says it: exit code, or minus a signal's number. At most for a moment."""


class Spawner(Protocol):
    """Who starts the app's processes."""

    view_of: int | None
    """A process that sees the file tree as the app does; None when that is ours."""

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        output: tuple[int, int],
        user: str = "",
        limited: bool = True,
    ) -> Child:
        """Start one with these descriptors as standard output and error. Raises OSError when it cannot be run."""


class Wish(NamedTuple):
    """How the wall is to be built."""

    groups: Sequence[Path]
    """Files that a process writes 0 to, to join the app's control group."""
    keep_ids: bool
    """Whether the files of the app have owners that must stay."""
    image: ImageSpec | None
    users: Sequence[str]
    """Who needs an account."""
    home: str
    memory_bytes: int = 0
    """The limit that its processes have together; 0 without one."""
    processors: Sequence[int] = ()
    """Which of them it sees; none when it sees all."""


def wish(order: RunSpec) -> Wish:
    """What an order wants."""
    wanted = order.wall or WallSpec()
    users = dict.fromkeys(process.user for process in order.processes)
    return Wish(
        groups_to_join(),
        wanted.keep_ids,
        wanted.image,
        list(users),
        order.app,
        order.memory_limit_bytes,
        chosen(order),
    )


class Walled:
    """A process behind the wall, from its fork on: until it has begun the app may stop it, so nobody waits for ever."""

    def __init__(self, wall: "Wall", number: int, pidfd: int, heard: int) -> None:
        self._wall = wall
        self._number = number
        self._code: int | None = None
        self._heard = socket.socket(fileno=heard)
        """Its namespace, what went wrong, and the end when the command is executed."""
        self._heard.setblocking(False)
        self.namespace: int | None = None
        try:
            self.pid = _pid_of(pidfd)
        finally:
            os.close(pidfd)

    async def begun(self) -> None:
        """Wait until it executes its command. Raises OSError when it cannot, or does not in time."""
        import asyncio  # which takes longer to read than the wall to build: see chaos.agent.main

        loop = asyncio.get_running_loop()
        said, over = bytearray(), asyncio.Event()
        loop.add_reader(self._heard, lambda: over.set() if self._at_end(said) else None)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), _BEGINS_WITHIN_S)
        except asyncio.CancelledError:
            self._end()
            raise
        finally:
            loop.remove_reader(self._heard)
        self._judge(bytes(said), over.is_set())

    def begun_now(self) -> None:
        """The same, without a loop."""
        said, until = bytearray(), time.monotonic() + _BEGINS_WITHIN_S
        ended = False
        while not ended and (left_s := until - time.monotonic()) > 0:
            if select.select([self._heard], [], [], left_s)[0]:
                ended = self._at_end(said)
        self._judge(bytes(said), ended)

    def _judge(self, said: bytes, ended: bool) -> None:
        if ended and not said:
            self._heard.close()
            return
        self._end()
        if not ended:
            raise OSError(
                errno.ETIMEDOUT, f"it had not begun after {_BEGINS_WITHIN_S:g} s: somebody stopped it"
            )
        told = json.loads(said)
        raise OSError(told["errno"], told["why"], told["what"])

    def _end(self) -> None:
        self._heard.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def _at_end(self, said: bytearray) -> bool:
        """Whether all of it was heard; what went wrong is in `said`."""
        try:
            data, received, _, _ = socket.recv_fds(self._heard, 4096, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return False
        if received:
            self.namespace = received[0]
        said += data.removeprefix(NAMESPACE) if received else data
        return not data

    def wait(self) -> int:
        """See Child."""
        if self._code is None:
            try:
                self._code = int(self._wall.ask("wait", {"number": self._number})[0]["code"])
            except OSError:  # the warden has gone, and with it every process of its namespace
                self._code = -signal.SIGKILL
            if self.namespace is not None:
                os.close(self.namespace)
                self.namespace = None
        return self._code


class Wall:
    """One warden."""

    def __init__(self, at: socket.socket, warden: int) -> None:
        self._at = at
        self._turn = threading.Lock()
        self.view_of: int | None = warden
        self.kind = ""
        """Whose ids the app has, once it is built: see chaos.agent.identities."""
        self.root = 0
        """The app's root, as the agent sees it."""
        self.begun_building = False
        self._environment: Mapping[str, str] = {}

    @classmethod
    def begin(cls) -> "Wall":
        """Fork the warden; only while this process has a single thread. Raises OSError where the kernel refuses."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        kernel.mount(
            None, "/", None, kernel.MS_REC | kernel.MS_SHARED
        )  # what faults mount is to be seen there
        _let_it_serve()
        own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        kernel.unshare(kernel.NEWPID)
        try:
            warden = os.fork()
            if warden == 0:
                ours.close()
                be_warden(theirs)
        finally:
            kernel.setns(own, kernel.NEWPID)  # our own children are to be ours again
            os.close(own)
        theirs.close()
        return cls(ours, warden)

    def build(self, wanted: "Wish") -> None:
        """Make the namespaces and the file tree. Raises OSError where the kernel refuses."""
        self.begin_building(wanted)
        self.built()

    def begin_building(self, wanted: "Wish") -> None:
        """The same, without waiting for it. Raises OSError when the warden has gone."""
        image = wanted.image
        config = {"root": image.root, **json.loads(Path(image.told).read_text())} if image else None
        ours = {name: value for name, value in os.environ.items() if name != "HOME"}  # that is the user's
        self._environment = {"PATH": os.defpath, **config["env"]} if config else ours
        asked = {
            "groups": [str(path) for path in wanted.groups],
            "keep_ids": wanted.keep_ids or bool(config),
            "image": config,
            "users": list(wanted.users),
            "home": wanted.home,
            "memory_bytes": wanted.memory_bytes,
            "processors": list(wanted.processors),
        }
        self._send("build", asked, ())
        self.begun_building = True

    def built(self) -> None:
        """Wait until it is built. Raises OSError where the kernel refuses."""
        answer, _ = self._receive()
        self.kind, self.root = answer["ids"], answer["root"]

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        output: tuple[int, int],
        user: str = "",
        limited: bool = True,
    ) -> Walled:
        """See Spawner."""
        child = self.fork(argv, cwd=cwd, env=env, output=output, user=user, limited=limited)
        await child.begun()
        return child

    def fork(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        output: tuple[int, int],
        user: str = "",
        limited: bool = True,
    ) -> Walled:
        """See Spawner; of one that is still to begin. Raises OSError when the warden has gone."""
        if self.kind == "own":
            for descriptor in output:
                with contextlib.suppress(OSError):  # not a pipe of ours
                    os.fchown(descriptor, self.root, self.root)  # or /dev/stdout could not be opened
        asked = {
            "argv": list(argv),
            "cwd": cwd,
            "env": {**self._environment, **env},
            "user": user,
            "limited": limited,
        }
        answer, descriptors = self.ask("spawn", asked, output)
        return Walled(self, answer["number"], *descriptors)

    def ask(
        self, name: str, asked: Mapping[str, Any], descriptors: Sequence[int] = ()
    ) -> tuple[dict[str, Any], list[int]]:
        """One request and its answer. Raises OSError: what the warden met, or that it is no more."""
        with self._turn:
            self._send(name, asked, descriptors)
            return self._receive()

    def _send(self, name: str, asked: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        body = os.memfd_create("asked", os.MFD_CLOEXEC)
        try:
            with open(body, "wb", closefd=False) as file:
                file.write(json.dumps(asked).encode())
            socket.send_fds(self._at, [name.encode()], [body, *descriptors])
        finally:
            os.close(body)

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        said, received, _, _ = socket.recv_fds(self._at, MESSAGE, 2, socket.MSG_CMSG_CLOEXEC)
        if not said:
            raise OSError(3, "the warden of the app's processes has gone")
        answer = json.loads(said)
        if "errno" in answer:
            raise OSError(answer["errno"], answer["why"], answer["what"])
        return answer, received


class Beside:
    """A process beside the agent: told by its session only, as nothing else is its own."""

    namespace: int | None = None

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self.pid = child.pid
        self._child = child

    def wait(self) -> int:
        """See Child."""
        return self._child.wait()


class InTheOpen:
    """Processes beside the agent, for tests of its parts and where a run may do without a wall."""

    view_of: int | None = None

    def __init__(self, join: Callable[[Sequence[str]], list[str]] = list) -> None:
        self._join = join
        """Makes of a command one that joins the app's control group first."""

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        output: tuple[int, int],
        user: str = "",
        limited: bool = True,
    ) -> Child:
        """See Spawner."""
        import subprocess

        del user
        child = subprocess.Popen(
            self._join(argv) if limited else argv,
            stdin=subprocess.DEVNULL,
            stdout=output[0],
            stderr=output[1],
            cwd=cwd,
            env={**os.environ, **env},
            start_new_session=True,
        )
        with contextlib.suppress(PermissionError):  # it runs at a lower one, and may not leave that
            os.setpriority(os.PRIO_PROCESS, child.pid, 0)  # the agent itself may run at a higher priority
        return Beside(child)


def _let_it_serve() -> None:
    """Ports below 1024 and ping(8) for the app, which has no power over this network; as Docker sets both, too."""
    for name, value in (("ip_unprivileged_port_start", "0"), ("ping_group_range", "0 2147483647")):
        with contextlib.suppress(OSError):  # an engine shows /proc/sys read-only, and was told to set it
            Path("/proc/sys/net/ipv4", name).write_text(value)


def why_not(error: OSError) -> TargetError:
    """That there is no wall, and the remedy."""
    return TargetError(
        f"the app cannot be kept apart from the agent here: {error.strerror or error}"
        f"{f' ({error.filename})' if error.filename else ''}; remedy: allow user namespaces "
        "(sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns=0), or set "
        "CHAOSLAB_ALLOW_DEGRADED=true, and no verdict will be 'held'"
    )


def _pid_of(pidfd: int) -> int:
    """The number of that process in this pid namespace (pidfd_open(2), fdinfo)."""
    text = Path(f"/proc/self/fdinfo/{pidfd}").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pid:"))


def run_alone(told: AloneSpec, argv: Sequence[str]) -> int:
    """Run one command of the app's behind a wall of its own, which ends with it; its exit code, or 128 + a signal.

    126 when there is no wall, 127 when there is no such command, and then why on standard error.
    """
    code = 126
    try:
        wall = Wall.begin()
        wall.build(Wish((), told.keep_ids, told.image, [told.user], told.cwd))
    except OSError as error:
        if not told.may_lack or told.image:
            sys.stderr.write(f"{why_not(error)}\n")
            return code
        os.chdir(told.cwd)
        os.execvp(argv[0], list(argv))
    try:
        child = wall.fork(argv, cwd=told.cwd, env={}, output=(1, 2), user=told.user, limited=False)
        child.begun_now()
    except OSError as error:
        sys.stderr.write(f"cannot run {argv[0]}: {error.strerror} ({error.filename})\n")
        return 127
    code = child.wait()
    return code if code >= 0 else 128 - code
