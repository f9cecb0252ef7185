"""Active runs of this machine, and those that a dead process abandoned.

Each has a small file in the state folder, locked by the process that carries the run out. The kernel lets go of the
lock when that process dies, however it dies: a file that can be locked belongs to nobody any more.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from chaos.host.private import state_folder
from chaos.runs.directory import Run
from chaos.settings import Settings

RUNS, DAYS = "running", "days"
_STARTS_WITHIN_S = 60.0
"""A file that says nothing yet may be about to."""


@dataclass(frozen=True, slots=True)
class Left:
    """A run whose process died."""

    run: Run
    flow_run: str | None
    """The Prefect flow run that it was."""


@contextmanager
def registered(run: Run, flow_run: str | None = None, among: str = RUNS) -> Iterator[None]:
    """Say that this process carries out the run (or, among DAYS, the game day) while the block lasts.

    A state folder that cannot be written is no reason not to: then nobody will find the run if this process dies.
    """
    file = folder(among) / f"{run.id}.json"
    try:
        state_folder(Settings().state_folder)
        state_folder(file.parent)
        held = file.open("x")
    except OSError:
        yield
        return
    try:
        with held:
            flock(held, LOCK_EX)
            held.write(json.dumps({"folder": str(run.folder), "flow_run": flow_run, "pid": os.getpid()}))
            held.flush()
            yield
    finally:
        file.unlink(missing_ok=True)


def abandoned(among: str = RUNS) -> Iterator[Left]:
    """Each run that nobody carries out any more; ours alone while the loop is at it, forgotten afterwards.

    One that raises in the loop is found again the next time.
    """
    for file in sorted(folder(among).glob("*.json")):
        with suppress(FileNotFoundError), file.open() as held:
            try:
                flock(held, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                continue
            try:
                said = json.loads(held.read())
                left = Left(Run(file.stem, Path(said["folder"])), said["flow_run"])
            except (ValueError, KeyError, TypeError):
                if time.time() - file.stat().st_mtime > _STARTS_WITHIN_S:
                    file.unlink()
                continue
            yield left
            file.unlink()


def active_ids(among: str = RUNS) -> list[str]:
    """The ids of the runs that some process of this machine carries out at this moment."""
    return [file.stem for file in sorted(folder(among).glob("*.json")) if _is_held(file)]


def end_below(parent: int) -> list[str]:
    """Ask the processes below that one to end what they carry out, well: the ids of those runs and game days.

    They undo their faults and write their results; `active_ids` tells when they have.
    """
    asked: dict[str, int] = {}
    below = _below(parent)
    for file in (*folder(DAYS).glob("*.json"), *folder(RUNS).glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            pid = json.loads(file.read_text())["pid"]
            if pid in below and _is_held(file):  # and so it is alive, and its number nobody else's
                asked[file.stem] = pid
    for pid in set(asked.values()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    return sorted(asked)


def _below(parent: int) -> set[int]:
    """Its children, and theirs. Source: proc_pid_task(5), children."""
    found: set[int] = set()
    waiting = [parent]
    while waiting:
        for tasks in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with suppress(OSError):
                waiting += (new := set(map(int, tasks.read_text().split())) - found)
                found |= new
    return found


def _is_held(file: Path) -> bool:
    with suppress(FileNotFoundError), file.open() as seen:
        try:
            flock(seen, LOCK_SH | LOCK_NB)
        except BlockingIOError:
            return True
    return False


def folder(among: str = RUNS) -> Path:
    """Where the files are."""
    return Settings().state_folder / among
