"""Reconciliation as a Prefect flow, for an interval: what `chaoslab sync` does once, seen in the UI."""

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

from chaos.gitops.decide import Action, Policy
from chaos.gitops.source import Source
from flows.following import STALLED, Following, follow
from flows.lateness import cancel_late
from flows.reconcile import Synced


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
    policy = Policy(heal=drift == "heal", run_on_push=run_on_push)
    seen: list[Synced] = []

    def tell(what: Action | Synced) -> None:
        if isinstance(what, Synced):
            seen.append(what)
        else:
            level = logger.warning if what.kind == "stall" else logger.info
            level("%s %s: %s", what.kind, what.name, what.why)

    code = await follow(Following(sources, policy, Path(out), sweep_s=sweep), logger.warning, tell)
    return _state(code, sources, seen)


def _state(code: int, sources: list[Source], seen: list[Synced]) -> State[Any]:
    """Completed only when everything is in line; its message says what each repository came to."""
    came = [f"{one.repository} at {one.commit[:12]}: {len(one.actions)} action(s)" for one in seen]
    stalled = [f"{one.repository}: {one.stalled} stalled" for one in seen if one.stalled]
    read = {one.repository for one in seen}
    lost = [
        f"{one.name}: could not be brought in line, its log says why"
        for one in sources
        if one.name not in read
    ]
    if code == 0:
        return Completed(message="; ".join(came))
    return Failed(
        name="Stalled" if code == STALLED and not lost else "Failed", message="; ".join(lost + stalled)
    )
