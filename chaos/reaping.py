"""Clean up after processes that died: close the runs that they carried out, remove the sandboxes that they left."""

import asyncio
import shutil
from collections.abc import AsyncIterator

from chaos import runner
from chaos.analyzers.comparison import result_in
from chaos.errors import ChaosLabError
from chaos.measure.result import Result
from chaos.run import Run
from chaos.sandboxes import container_orphans, e2b_orphans, inventory, keeping
from chaos.settings import Settings
from chaos.under_way import Left, left_behind


class RunnerDied(ChaosLabError):
    """The process that carried out a run is no more."""


async def close_left_behind() -> AsyncIterator[tuple[Left, Result | None]]:
    """End every run whose process died: its sandbox destroyed, its journal closed, its result written.

    No result when it died before there was anything to judge, or when its files cannot be read or written: nobody could
    do more about it the next time, and the others are not to wait for it.
    """
    for left in left_behind():
        try:
            result = await _closed(left.run)
        except ChaosLabError:
            result = None
        yield left, result


async def remove_orphans() -> AsyncIterator[str]:
    """Remove sandboxes that no run uses any more; a line for each. Raises SandboxError."""
    await asyncio.to_thread(inventory.forget_old)
    for folder in await asyncio.to_thread(lambda: list(keeping.orphans())):
        await asyncio.to_thread(keeping.remove, folder)
        yield f"removed {folder}"
    for container in await container_orphans.remove_orphans():
        yield f"removed {container}"
    if Settings().e2b_api_key:
        for sandbox in await e2b_orphans.end_orphans():
            yield f"ended E2B sandbox {sandbox}"


async def _closed(run: Run) -> Result | None:
    if not run.journal.path.exists():
        shutil.rmtree(run.folder, ignore_errors=True)  # an empty folder: it died before its first word
        return None
    if (result := result_in(run.folder)) is not None:
        return result
    run.journal.mend()
    if not run.journal.latest():
        return None
    await runner.conclude(run, RunnerDied("the process that carried out this run died"))
    return await asyncio.to_thread(runner.analyze, run)
