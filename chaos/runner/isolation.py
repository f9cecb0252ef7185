"""A run, or a game day, of a process that died is closed in a process of its own, with limits of memory and time.

Its journal may be anything: an app wrote parts of it, and the process that read it died, perhaps of it. What cannot be
closed is put aside: a file in the state folder names it, and nobody tries it again.
"""

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from chaos.runs.active import RUNS, Left
from chaos.runs.directory import write_whole
from chaos.settings import Settings

MEMORY_BYTES = 4 * 2**30
"""Address space: a series of a million events needs half of it."""
CPU_S = 60
WALL_S = 120.0
"""A provider may have to be asked to destroy its sandbox."""
_LAST_WORDS = 300
_DIED = "whoever was closing it died over it"


def limit_this_process() -> None:
    """For the child: setrlimit(2). What exceeds them raises MemoryError, or is ended by SIGKILL."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """The same limit of memory for a block of this process: MemoryError, not a machine that swaps."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limited = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limited, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


async def close_apart(left: Left, among: str = RUNS) -> str | None:
    """Close it (`chaos.cli.close_abandoned`), or put it aside: the reason why then, one line. None when it is
    closed.
    """
    mark = aside(left.run.id)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(mark.read_text())["why"])
    _put_aside(mark, left, _DIED)  # for the time of the attempt
    try:
        why = await _closed(left, among)
    except BaseException:  # we were told to end: it was not its fault
        mark.unlink(missing_ok=True)
        raise
    if why is None:
        mark.unlink(missing_ok=True)
    else:
        _put_aside(mark, left, why)
    return why


def aside(run_id: str) -> Path:
    """The file that names a run which is not to be tried again."""
    return Settings().state_folder / "aside" / f"{run_id}.json"


def _put_aside(mark: Path, left: Left, why: str) -> None:
    with contextlib.suppress(OSError):  # a state folder that cannot be written: then it may be tried again
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(mark, json.dumps({"folder": str(left.run.folder), "why": why}))


async def _closed(left: Left, among: str) -> str | None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "chaos.cli.close_abandoned",
        among,
        left.run.id,
        str(left.run.folder),
    ]
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is for us; and it is ended with all that it began
    )
    assert child.stderr is not None
    said = b""
    try:
        async with asyncio.timeout(WALL_S):
            while more := await child.stderr.read(4096):
                said = (said + more)[-4096:]
            code = await child.wait()
    except TimeoutError:
        return f"no end within {WALL_S:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
    if code == 0:
        return None
    if code < 0:
        return f"ended by {signal.Signals(-code).name}, after {CPU_S} s of computing at most"
    words = said.decode(errors="replace").strip().rpartition("\n")[2]
    return (
        "".join(each if each.isprintable() else " " for each in words)[-_LAST_WORDS:] or f"exit code {code}"
    )
