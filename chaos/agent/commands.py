"""Run one command to its end, or end everything it started."""

import asyncio
import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from chaos.errors import NotSeen, ProbeError

RUNNING: set[int] = set()
"""The pids of the commands under way: children of ours that no fault has started."""
OUTPUT_BYTES = 64 * 1024
_PIECE_BYTES = 64 * 1024
_OUR_LACK = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""Of processes, memory, descriptors: why the agent could not start a command, whatever it is."""


async def run_command(
    command: Sequence[str], timeout_s: float, *, cwd: str | None = None, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit code (negative for a signal) and the first 64 KiB of output and error together.

    It gets a process group of its own, and whatever of the group is left when the command ends, or at
    `timeout_s`, is killed. Raises ProbeError: `timeout`, or why it cannot be started (NotSeen: that is our own lack).
    """
    seen, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        process = _start(command, told, cwd, env)
    except OSError as error:
        os.close(seen)
        kind = NotSeen if error.errno in _OUR_LACK else ProbeError
        raise kind(f"cannot run {command[0]}: {error.strerror}") from error
    finally:
        os.close(told)
    RUNNING.add(process.pid)
    output = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(seen, _collect, seen, output)
    try:
        async with asyncio.timeout(timeout_s):
            await until_exit(process.pid)
    except TimeoutError as error:
        raise ProbeError("timeout") from error
    finally:
        # Before reaping: until then nobody else can get this number, so the group is surely ours.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        RUNNING.discard(process.pid)
        _collect(seen, output)
        loop.remove_reader(seen)
        os.close(seen)
    return process.returncode, output.decode(errors="replace")


def _start(
    command: Sequence[str], output: int, cwd: str | None, env: Mapping[str, str] | None
) -> "subprocess.Popen[bytes]":
    os.set_blocking(output, True)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )


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
