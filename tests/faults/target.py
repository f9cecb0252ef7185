"""A small faithful Target for tests: real processes, real helpers, undo in reverse order.

What the agent's own target does differently is where it gets its processes from; the faults cannot tell.
"""

import contextlib
import fcntl
import functools
import importlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal

from chaos.agent.budget import Budget as AgentBudget
from chaos.agent.commands import UNDER_WAY
from chaos.agent.helper import command
from chaos.errors import FaultError
from chaos.faults.linux.mounts import View
from chaos.faults.support.base import Memory
from chaos.faults.support.channel import Channel
from chaos.namespaces import cgroups

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Budget:
    """A memory limit that nobody enforces: what the target's processes use, by PSS."""

    limit_bytes: int
    pids: Callable[[], Sequence[int]]
    kind: Literal["real", "emulated"] = "emulated"
    enforced_bytes: int = 0

    def __post_init__(self) -> None:
        self.enforced_bytes = self.limit_bytes

    def used_bytes(self) -> int:
        return sum(_proportional_bytes(pid) for pid in self.pids())

    def kills(self) -> int:
        return 0


@dataclass
class LocalTarget:
    """Processes started by the test, by name. Use as a context manager."""

    ports: Mapping[str, int | None] = field(default_factory=dict)
    memory_limit_bytes: int = 256 * 2**20
    random: Random = field(default_factory=lambda: Random(7))
    view: View = field(default_factory=View)
    with_cgroups: bool = False
    """Put the processes into control groups of their own, as a sandbox does where it may."""
    adopted: Mapping[str, int] = field(default_factory=dict)
    """Processes that somebody else started, by name: they outlive this target."""
    groups: Path | None = None
    """A directory that names the control groups of the adopted ones, as `mount` of the agent's budget."""
    entered: Container[int] = range(65536)
    """Where the experiment asks as users do: at every port, so that what a test asks is the app's use."""
    beside: Path | None = None
    """Another target's work directory, which the adopted ones were started in; it outlives this target."""

    def __enter__(self) -> "LocalTarget":
        self.work = self.beside or Path(tempfile.mkdtemp(prefix="chaos-target-"))
        self._cgroup = cgroups.Cgroup()
        if self.with_cgroups:
            self._cgroup = cgroups.make(
                f"chaoslab-{self.work.name}", cgroups.CgroupLimits(self.memory_limit_bytes)
            )
            assert self._cgroup.views, self._cgroup.refused
            self._cgroup.settle(None, None)
            self.groups = self.work / "cgroup"
            self.groups.mkdir()
            for name, path in self._cgroup.views.items():
                (self.groups / name).symlink_to(path)
        self._budget = AgentBudget(self.memory_limit_bytes, self.pids, self.groups or self.work)
        self.memory: Memory = self._budget if self.groups else Budget(self.memory_limit_bytes, self._all_pids)
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.helpers: list[subprocess.Popen[bytes]] = []
        self.samples: list[dict[str, Any]] = []
        self.ending = threading.Event()
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # what it forked, too, stopped or not
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # its descendants, too: it leads a session of its own
        for child in (*self.children.values(), *self.helpers):
            _end(child)
        self._cgroup.remove()
        if not self.beside:
            subprocess.run(["rm", "-rf", str(self.work)], check=True)

    def start(
        self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start (again) the process of that name; standard output is a pipe. `env` is its whole environment."""
        before = self.children.get(name)
        if before is not None and before.poll() is not None:
            _end(before)  # closes its pipe
        command = self._budget.wrap(argv)
        self.children[name] = subprocess.Popen(
            command, stdout=subprocess.PIPE, start_new_session=True, env=env
        )
        return self.children[name]

    def names(self) -> Sequence[str]:
        return [*self.children, *self.adopted]

    def pids(self, process: str | None = None) -> Sequence[int]:
        mains = [c.pid for n, c in self.children.items() if process in (None, n) and c.poll() is None]
        mains += [pid for n, pid in self.adopted.items() if process in (None, n)]
        return [pid for main in mains for pid in _family(main)]

    def main(self, process: str) -> int | None:
        child = self.children.get(process)
        return child.pid if child is not None and child.poll() is None else self.adopted.get(process)

    def _all_pids(self) -> Sequence[int]:
        return [*self.pids(), *(pid for h in self.helpers if h.poll() is None for pid in _family(h.pid))]

    def port(self, process: str) -> int | None:
        return self.ports.get(process)

    def entrances(self) -> Container[int]:
        return self.entered

    def looks(self) -> tuple[int, int]:
        return UNDER_WAY.begun, UNDER_WAY.now

    def run(self, *argv: str, timeout_s: float = 10.0) -> str:
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FaultError(f"{argv[0]}: {error}") from error
        if done.returncode:
            raise FaultError(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    @contextlib.contextmanager
    def undo(self, what: str, action: Callable[[], None]) -> Iterator[None]:
        try:
            yield
        finally:
            action()

    @contextlib.contextmanager
    def helper(
        self,
        function: Callable[..., None],
        *,
        in_memory_limit: bool = False,
        env: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> Iterator["LocalHelper"]:
        argv = command(sys.executable, str(ROOT), f"{function.__module__}:{function.__qualname__}")
        if in_memory_limit:
            argv = self._budget.wrap(argv)
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        self.helpers.append(child)
        helper = LocalHelper(child)
        try:
            helper.send(arguments)
            yield helper
        finally:
            if not helper.lingers:
                _end(child)

    def cgroup(self, controller: str) -> Path | None:
        return self._budget.group(controller)

    def outside(self) -> Sequence[int]:
        return self._budget.outside(self.pids())

    def ask(self, act: str, **details: Any) -> Path:
        """Nobody is outside of it."""
        raise FaultError(f"nobody here can {act}")

    def measured(self, **sample: Any) -> None:
        self.samples.append(sample)

    def wait(self, seconds: float) -> bool:
        return self.ending.wait(seconds)


class LocalHelper:
    """The parent's side of a helper."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self._child = child
        self.pid = child.pid
        self.lingers = False
        self._channel = Channel(child.stdout.fileno(), child.stdin.fileno())

    def receive(self, timeout_s: float) -> Mapping[str, Any] | None:
        try:
            message = self._channel.receive(timeout_s)
        except EOFError:
            raise FaultError(f"the helper ended with {self._child.wait()}") from None
        if message is not None and "failed" in message:
            raise FaultError(str(message["failed"]))
        return message

    def send(self, message: Mapping[str, Any]) -> None:
        try:
            self._channel.send(message)
        except OSError as error:
            raise FaultError(f"the helper is gone: {error}") from error

    def let_go(self) -> None:
        self.lingers = True


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.kill()
    child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            stream.close()


def _family(pid: int) -> list[int]:
    """That process, then its descendants."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return [pid]
    return [pid, *(member for child in text.split() for member in _family(int(child)))]


def _proportional_bytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (OSError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def lo_up() -> None:
    """Bring the loopback device of this network namespace up (SIOCSIFFLAGS, netdevice(7))."""
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", 0x1 | 0x40)
        fcntl.ioctl(any_socket, 0x8914, request)


def in_own_network(call: str, *arguments: str, unprivileged: bool = False) -> str:
    """Run `module:function` of the tests with its own network and mounts; its standard output.

    `unprivileged` begins as an ordinary user who makes a user namespace. Raises AssertionError with what was said.
    """
    argv = [*_namespaces(unprivileged), *_python(unprivileged), call, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{call} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@functools.cache
def users() -> list[str]:
    """Who tests can run as: `own`, and `unprivileged` where root may become somebody who may make namespaces."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return ["own"]
    argv = [*_namespaces(True), *_python(True), "tests.faults.target:lo_up"]
    tried = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    return ["own", "unprivileged"] if tried.returncode == 0 else ["own"]


def _namespaces(unprivileged: bool) -> list[str]:
    if unprivileged:
        return ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "unshare", "-Urnm"]
    return ["unshare", "-n", "-m"] if os.geteuid() == 0 else ["unshare", "-Urnm"]


def _python(unprivileged: bool) -> list[str]:
    """An interpreter, its path set, and the entry below; another user may not be able to reach ours."""
    entry = "import sys; sys.path.insert(0, sys.argv[1]); import tests.faults.target as t; t.inside(*sys.argv[2:])"
    python = "/usr/bin/python3" if unprivileged and Path("/usr/bin/python3").exists() else sys.executable
    return [python, "-B", "-W", "error", "-c", entry, str(ROOT)]


def inside(call: str, *arguments: str) -> None:
    """Run `module:function` here, with loopback up."""
    lo_up()
    module, _, function = call.partition(":")
    getattr(importlib.import_module(module), function)(*arguments)
