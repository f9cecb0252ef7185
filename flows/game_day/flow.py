"""One game day as a Prefect flow: its experiments are flow runs of their own below it.

The order is that of every day (`chaos.game_days.pipeline`). Before it the plan is taken from whoever calls the flow in
this process, or made; what can be refused is refused here. After it held is Completed, all else Failed with its name; a
time at which it may not run is Cancelled.
"""

import asyncio
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from prefect.states import Cancelled

from chaos.errors import ManifestError
from chaos.game_days.day import Day
from chaos.game_days.deciding import NotNow
from chaos.game_days.pipeline import execute_day
from chaos.game_days.planning import DayPlan, plan_day
from chaos.gitops.pinned_day import load_pinned_day, the_day
from chaos.gitops.repository.source import Source
from chaos.manifests import digests
from chaos.manifests.load import Loaded, LoadedDay
from chaos.manifests.referring import resolve
from chaos.text.inert import inert
from flows.game_day.stages import Pinned, PrefectDayStages
from flows.prefect.handover import take
from flows.prefect.kill_switch import is_cancelled
from flows.prefect.states import state_of_day
from flows.repositories.mirrors import mirror_of, trees


@flow(name="game-day", persist_result=False, result_storage=get_current_settings().results.local_storage_path)
async def game_day(
    manifest: str,
    name: str | None = None,
    out: str = "runs",
    repository: str | None = None,
    commit: str | None = None,
    anytime: bool = False,
    spec_digest: str | None = None,
) -> State[dict[str, Any]]:
    """Carry out one game day.

    Args:
        manifest: The YAML file, for example experiments/game-days/shop.yaml.
        name: Which game day of that file; needed only when it holds several.
        out: The folder that gets a folder for this day, and beside it one for each run.
        repository: The git repository that the manifest's path is relative to; without it, a file of this machine.
        commit: The commit of that repository whose manifests and apps are used.
        anytime: Run it though it is outside of its windows, or in a blackout.
        spec_digest: What the day must say, by its digest; a manifest that says something else is refused.
    """
    handover = take()
    pinned: Pinned | None = None
    plan = handover.plan
    if not isinstance(plan, DayPlan):
        day, found = await asyncio.to_thread(_read, manifest, name, repository, commit)
        digests.must_be(spec_digest, digests.day_digest(day.manifest.spec, {}), day.file)
        plan = await asyncio.to_thread(plan_day, day, found, commit)
        if repository is not None and commit is not None:
            pinned = Pinned(day.root, repository, commit)
    stages = PrefectDayStages(out, plan, handover.observer, pinned)
    try:
        handover.result = await execute_day(plan, stages, anytime=anytime)
    except NotNow as refusal:
        return Cancelled(message=str(refusal))
    assert stages.day is not None
    return await _final_state(stages.day)


async def _final_state(day: Day) -> State[Any]:
    """A day that is being cancelled must end as Cancelled, or it never does."""
    if day.ended == "aborted" and await is_cancelled():
        return Cancelled(message=inert(day.why))
    return state_of_day(day)


def _read(
    manifest: str, name: str | None, repository: str | None, commit: str | None
) -> tuple[LoadedDay, dict[str, Loaded]]:
    """The day and its experiments, on disk or at a commit. Raises ManifestError, SourceError, GitError."""
    if repository is not None and commit is not None:
        return load_pinned_day(mirror_of(Source(repository)), commit, manifest, name, trees())
    day = the_day(Path(manifest), name)
    found, wrong = resolve(day)
    if wrong:
        raise ManifestError(*wrong)
    return day, found
