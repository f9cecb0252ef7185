"""One game day as a Prefect flow: its experiments are flow runs of their own below it.

1. plan       the day and everything it names are read; what can be refused is refused here
2. conduct    stages, follow-ups, go/no-go (`chaos.game_days.conducting`), the bar moves
3. report     over all of its experiments, in the day's folder and on its page
4. state      held is Completed, all else Failed with its name; a time at which it may not run is Cancelled
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Cancelled

from chaos.errors import ManifestError, PublishError
from chaos.game_days.conducting import conduct
from chaos.game_days.day import Day
from chaos.game_days.deciding import NotNow, check_time
from chaos.game_days.planning import plan_day
from chaos.gitops.pinned_day import load_pinned_day, the_day
from chaos.gitops.repository.source import Source
from chaos.history.recording import record
from chaos.manifests.load import Loaded, LoadedDay
from chaos.manifests.referring import resolve
from chaos.publish import game_day_report as reporting
from chaos.runs.active import DAYS, registered
from chaos.runs.directory import Run
from chaos.text.inert import inert
from flows.experiment.came_from import note_origin
from flows.experiment.flow import introduce
from flows.experiment.tasks import page
from flows.game_day.executor import PrefectHands
from flows.game_day.page import DayPage, publish
from flows.prefect.events import notice_day
from flows.prefect.kill_switch import heeded, is_cancelled
from flows.prefect.observer import DAY_WATCH, DayWatch
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
) -> State[dict[str, Any]]:
    """Carry out one game day.

    Args:
        manifest: The YAML file, for example experiments/game-days/shop.yaml.
        name: Which game day of that file; needed only when it holds several.
        out: The folder that gets a folder for this day, and beside it one for each run.
        repository: The git repository that the manifest's path is relative to; without it, a file of this machine.
        commit: The commit of that repository whose manifests and apps are used.
        anytime: Run it though it is outside of its windows, or in a blackout.
    """
    day, found = await asyncio.to_thread(_read, manifest, name, repository, commit)
    plan = await asyncio.to_thread(plan_day, day, found, commit)
    try:
        check_time(plan, datetime.now(UTC), anytime=anytime)
    except NotNow as refusal:
        return Cancelled(message=str(refusal))
    watch = DAY_WATCH.get() or DayWatch()
    hands = PrefectHands(out, day.root, repository, commit, DayPage(plan), watch.say)
    async with heeded(watch.stop) as stop:
        run = Run.new(plan.name, Path(out))
        watch.on_begin(run)
        note_origin(run, plan.source, None)
        with registered(run, str(flow_run.id), DAYS):
            await introduce(plan.name, plan.labels, run)
            async with hands.page.shown():
                watch.day = await conduct(plan, run, hands, stop, anytime=anytime)
            await _report(watch.day, run)
    await record(run.folder, watch.say)
    if watch.day.ended == "aborted" and await is_cancelled():
        return Cancelled(message=inert(watch.day.why))
    return state_of_day(watch.day)


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


async def _report(day: Day, run: Run) -> None:
    try:
        report = await asyncio.to_thread(reporting.write, day, run.folder, page())
        await publish(report)
    except PublishError as error:
        get_run_logger().warning("no report: %s", error)
    await notice_day("ended", day, link=page())
