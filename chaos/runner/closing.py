"""End of a trial: its sandbox destroyed and its journal closed, whatever happened; any process may do it, and twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chaos.errors import ChaosLabError, Interrupted, JournalTampered, SandboxError, SandboxRefused
from chaos.runner.stages import inventory_of, tell
from chaos.runs.directory import Run
from chaos.sandboxes import SandboxRef, attach
from chaos.verdict import Outcome


@asynccontextmanager
async def concluded(run: Run) -> AsyncIterator[None]:
    """Destroy what the block opened and close its trial, whatever happens in it.

    Our own failures end in the journal, where the verdict finds them; anything else is written there and goes on.
    """
    error: Exception | None = None
    try:
        yield
    except ChaosLabError as failure:
        error = failure
    except BaseException as cut:
        error = cut if isinstance(cut, Exception) else Interrupted("abandoned: nobody waited for the end")
        raise
    finally:
        await asyncio.shield(conclude(run, error))


async def conclude(run: Run, error: Exception | None) -> None:
    """Destroy what this trial opened, and close it; any process may, and more than once.

    What it opened is known by this machine's inventory. The journal is not asked: its folder may be anybody's.
    """
    try:
        held = inventory_of(run).held()
        for each in held:
            await destroy(run, each.ref)
        if not held:
            _say_what_is_unknown(run)
    except SandboxRefused as refused:
        tell(run, "sandbox.destroyed", destroyed=False, why=str(refused))
    finally:
        finish(run, error)


def _say_what_is_unknown(run: Run) -> None:
    """A sandbox that was opened, and that this machine knows nothing of: nobody but its lease ends it."""
    last = run.journal.latest("sandbox.opened", "sandbox.destroyed")[-1:]
    if last and last[0].type == "sandbox.opened":
        why = "this machine has no record of it; it ends by its own lease"
        tell(run, "sandbox.destroyed", destroyed=False, why=why)


async def destroy(run: Run, ref: SandboxRef, why: str = "the run is over") -> None:
    """End the sandbox, and say in the journal whether it has gone; when it has not, `gc` is to be called.

    Only one that this machine has opened for this run.
    """
    destroyed = True
    inventory = inventory_of(run)
    try:
        await attach(inventory.find(ref).ref).destroy()
        inventory.gone(ref)
    except SandboxError as error:
        destroyed, why = False, str(error)
    tell(run, "sandbox.destroyed", destroyed=destroyed, why=why)


def finish(run: Run, error: Exception | None = None, outcome: Outcome | None = None) -> None:
    """Close this trial: what the agent said of its end, or what went wrong on our side; once."""
    if isinstance(error, Interrupted):
        outcome = Outcome.ABORTED
    events = run.journal.latest("agent.ended", "run.ended")
    if any(event.type == "run.ended" for event in events):
        return
    ended: dict[str, Any]
    if error is not None:
        ended = {"outcome": str(outcome or Outcome.CRASHED), "why": str(error) or type(error).__name__}
        if isinstance(error, JournalTampered):
            ended["tampered"] = True  # whatever else the journal says of its end is not to be believed
    elif events:
        ended = dict(events[-1].data)
    else:
        ended = {"outcome": str(outcome or Outcome.CRASHED), "why": "the agent never ended"}
    tell(run, "run.ended", **ended)
