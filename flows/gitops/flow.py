"""Reconciliation flow: what `chaoslab sync` does once, at an interval, visible in the UI."""

from asyncio import to_thread
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import deployment
from prefect.settings import get_current_settings
from prefect.states import Completed, Failed

from chaos.gitops.account import LastSync, Stall, file_of
from chaos.gitops.decide import Action, SyncPolicy
from chaos.gitops.repository.source import Source
from chaos.text.inert import inert
from flows.gitops.late_runs import cancel_late
from flows.gitops.reconciler import Synced
from flows.gitops.watcher import STALLED, Following, follow
from flows.repositories.mirrors import mirror_of

_NAMED = 5
"""So many of what stalls are named in a state's message."""


@flow(
    name="reconcile", persist_result=False, result_storage=get_current_settings().results.local_storage_path
)
async def reconcile(
    repositories: list[str],
    drift: Literal["heal", "report"] = "heal",
    run_on_push: bool = True,
    require_signed: bool = False,
    sweep: float = 300.0,
    out: str = "runs",
) -> State[Any]:
    """Bring Prefect in line with git repositories.

    Args:
        repositories: Each a URL or directory, with #BRANCH:PATH where that is not main and experiments.
        drift: What was changed by hand: undo it, or tell of it and leave it.
        run_on_push: Whether what a push changed runs.
        require_signed: Refuse a head without a good signature.
        sweep: Look at every deployment when that was so many seconds ago, though nothing was pushed.
        out: Where run folders go, on the machine that carries runs out.
    """
    logger = get_run_logger()
    if deployment.id is not None:
        async with get_client() as client:
            await cancel_late(client, UUID(deployment.id))
    sources = [Source.parse(each, signed=require_signed) for each in repositories]
    policy = SyncPolicy(heal=drift == "heal", run_on_push=run_on_push)
    seen: list[Synced] = []
    said: list[str] = []

    def log(line: str) -> None:
        said.append(line)
        logger.warning(line)

    def on_action(what: Action | Synced) -> None:
        if isinstance(what, Synced):
            seen.append(what)
        else:
            level = logger.warning if what.kind == "stall" else logger.info
            level("%s %s: %s", what.kind, what.name, what.why)

    code = await follow(Following(sources, policy, Path(out), sweep_s=sweep), log, on_action)
    stalled = {one.repository for one in seen if one.stalled}
    stalls = await to_thread(_stalls, [one for one in sources if one.name in stalled])
    for each in stalls:
        logger.warning("stalled: %s: %s", each.subject, each.why)
    return _state(code, sources, seen, stalls, said)


def _stalls(sources: Iterable[Source]) -> list[Stall]:
    """What stands in the way, told now or earlier, as this machine has taken it down."""
    found = [LastSync.load(file_of(mirror_of(one))) for one in sources]
    return [stall for account in found if account is not None for stall in account.stalls]


def _state(
    code: int, sources: list[Source], seen: list[Synced], stalls: list[Stall], said: list[str]
) -> State[Any]:
    """Completed only when everything is in line; its message says what each repository came to."""
    came = [f"{one.repository} at {one.commit[:12]}: {len(one.actions)} action(s)" for one in seen]
    what = f": {', '.join(each.subject for each in stalls[:_NAMED])}" if stalls else ""
    stalled = [f"{one.repository}: {one.stalled} stalled" for one in seen if one.stalled]
    lost = sorted({one.name for one in sources} - {one.repository for one in seen})
    if code == 0:
        return Completed(message=inert("; ".join(came)))
    name = "Stalled" if code == STALLED and not lost else "Failed"
    unread = [line for line in said for each in lost if line.startswith(f"{each}: ")]
    return Failed(name=name, message=inert("; ".join(unread + stalled) + what))
