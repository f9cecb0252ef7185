"""Run one command to its end, or end everything it started."""

import asyncio
import errno
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from chaos.agent.wall import Child, InTheOpen, Spawner
from chaos.errors import NotSeen, ProbeError


@dataclass
class UnderWay:
    """Commands of probes: how many have begun so far, and how many are under way."""

    begun: int = 0
    now: int = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """One more, from before it begins to when what is left of it is gone."""
        self.begun, self.now = self.begun + 1, self.now + 1
        try:
            yield
        finally:
            self.now -= 1


UNDER_WAY = UnderWay()
RUNNING: set[int] = set()
"""The pids of the commands under way: children of ours that no fault has started."""
OUTPUT_BYTES = 64 * 1024
_PIECE_BYTES = 64 * 1024
_OUR_LACK = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""Of processes, memory, descriptors: why the agent could not start a command, whatever it is."""


async def run_command(
    command: Sequence[str],
    timeout_s: float,
    *,
    cwd: str = ".",
    env: Mapping[str, str] | None = None,
    spawner: Spawner | None = None,
) -> tuple[int, str]:
    """Exit code (negative for a signal) and the first 64 KiB of output and error together.

    It gets a process group of its own, and whatever of the group is left when the command ends, or at `timeout_s`,
    is killed. `env` is beside what every process of the app has. Raises ProbeError: `timeout`, or the reason why it
    could not be started (NotSeen: that is our own lack).
    """
    with UNDER_WAY.one():
        return await _run(command, timeout_s, cwd, env or {}, spawner or InTheOpen())


async def _run(
    command: Sequence[str], timeout_s: float, cwd: str, env: Mapping[str, str], spawner: Spawner
) -> tuple[int, str]:
    seen, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    output = bytearray()
    loop = asyncio.get_running_loop()
    process: Child | None = None
    try:
        async with asyncio.timeout(timeout_s):
            os.set_blocking(told, True)
            process = await spawner.spawn(command, cwd=cwd, env=env, output=(told, told))
            RUNNING.add(process.pid)
            loop.add_reader(seen, _collect, seen, output)
            await until_exit(process.pid)
    except TimeoutError as error:
        raise ProbeError("timeout") from error
    except OSError as error:
        kind = NotSeen if error.errno in _OUR_LACK else ProbeError
        raise kind(f"cannot run {command[0]}: {error.strerror}") from error
    finally:
        os.close(told)
        code = _end(process) if process else 0
        _collect(seen, output)
        loop.remove_reader(seen)
        os.close(seen)
    return code, output.decode(errors="replace")


def _end(process: Child) -> int:
    """Kill its group; how it ended."""
    # Before reaping: until then nobody else can get this number, so the group is surely ours.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    RUNNING.discard(process.pid)
    return code


async def until_exit(pid: int) -> None:
    """Return when our child `pid` has ended; it is still to be reaped then."""
    # Not asyncio's subprocess: its wait() also waits for the pipe, which a daemon left behind may hold for
    # ever.
    loop = asyncio.get_running_loop()
    exited = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop.add_reader(descriptor, exited.set)
    try:
        await exited.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _collect(pipe: int, output: bytearray) -> None:
    """Read what is there; keep only the first, so that a chatty command neither blocks nor fills memory."""
    with suppress(BlockingIOError):
        piece = os.read(pipe, _PIECE_BYTES)
        output += piece[: OUTPUT_BYTES - len(output)]
        if not piece:
            asyncio.get_running_loop().remove_reader(pipe)
