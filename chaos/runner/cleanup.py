"""Clean up after processes that died: close the runs that they carried out, remove the sandboxes that they left."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from chaos.analysis.result import Result
from chaos.errors import ChaosLabError
from chaos.explain.comparison import result_in
from chaos.runner.closing import conclude
from chaos.runner.isolation import close_apart
from chaos.runner.stages import analyze
from chaos.runs.active import Left, abandoned
from chaos.runs.directory import Run
from chaos.sandboxes import inventory
from chaos.sandboxes.container import orphans as container_orphans
from chaos.sandboxes.e2b import orphans as e2b_orphans
from chaos.sandboxes.local import ending
from chaos.sandboxes.local import keeper as keeping
from chaos.settings import Settings


class RunnerDied(ChaosLabError):
    """The process that carried out a run is no more."""


class Closed(NamedTuple):
    """What became of a run that was left behind."""

    left: Left
    result: Result | None
    """None when it died before there was anything to judge, or is put aside."""
    aside: str | None
    """Why it could not be closed, and is not tried again."""


async def close_left_behind() -> AsyncIterator[Closed]:
    """End every run whose process died: its sandbox destroyed, its journal closed, its result written.

    Each in a process of its own with limits (`chaos.runner.isolation`), one after the other; what cannot be closed is
    put aside.
    """
    for left in abandoned():
        why = await close_apart(left)
        yield Closed(left, result_in(left.run.folder) if why is None else None, why)


async def remove_orphans() -> AsyncIterator[str]:
    """Remove sandboxes that no run uses any more; a line for each. Raises SandboxError."""
    await asyncio.to_thread(inventory.forget_old)
    for folder in await asyncio.to_thread(keeping.orphans):
        await asyncio.to_thread(ending.remove, folder)
        yield f"removed {folder}"
    for container in await container_orphans.remove_orphans():
        yield f"removed {container}"
    if Settings().e2b_api_key:
        for sandbox in await e2b_orphans.end_orphans():
            yield f"ended E2B sandbox {sandbox}"


async def close_run(run: Run) -> None:
    """Do it, in this process. Raises ChaosLabError when its files cannot be read or written."""
    if not run.journal.path.exists():
        with contextlib.suppress(OSError):  # an empty folder: it died before its first word
            run.folder.rmdir()
        return
    if result_in(run.folder) is not None:
        return
    run.journal.mend()
    if run.journal.latest():
        await conclude(run, RunnerDied("the process that carried out this run died"))
        analyze(run)
