"""One experiment as a Prefect flow: sandbox, inject, collect, analyze, visualize; torn down whatever happens.

1. plan       read the manifest; everything that can be refused is refused here, before any task
2. sandbox    open it; the only stage that is tried again
3. inject     start the agent with its order
4. collect    follow its journal, the bar moves; beside it, from 2 to 6, metrics go to their store
5. teardown   always: the sandbox is destroyed and the trial closed; 2 to 5 once for each trial and control
6. analyze    journal -> result.json
7. visualize  report, dashboard, artifacts
8. state      held is Completed, all else Failed with its name
"""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.tasks import Task
from pydantic import Field

from chaos.analysis.result import Result
from chaos.errors import Interrupted, ManifestError
from chaos.gitops.pinned import load_pinned
from chaos.gitops.repository.source import Source
from chaos.history.recording import record
from chaos.history.uploads.beside import elsewhere
from chaos.manifests.ad_hoc import text_of
from chaos.manifests.load import Loaded, load
from chaos.manifests.overriding import Intensity, Overrides
from chaos.planning.plan import Plan
from chaos.planning.plan import plan as draw
from chaos.publish.prometheus.live import exported
from chaos.runner import stages as runner
from chaos.runner.concurrency import in_turn
from chaos.runs.active import under_way
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.sandboxes import SandboxRef
from chaos.units import POSITIVE_DURATION
from flows.experiment import tasks
from flows.experiment.came_from import keep_manifest, note_origin
from flows.experiment.live import shown_live
from flows.prefect.concurrency import in_turn_everywhere
from flows.prefect.events import notice_result
from flows.prefect.kill_switch import final_state, heeded, state_of_unbegun
from flows.prefect.labels import FOLDER, RUN
from flows.prefect.observer import Watch, watching
from flows.repositories.commit_status import tell_commit
from flows.repositories.mirrors import mirror_of, trees

Hold = Annotated[str, Field(pattern=POSITIVE_DURATION.pattern, examples=[POSITIVE_DURATION.example])]
"""In Prefect's form a text with its unit; what does not fit is refused before anything runs."""
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


# Results live in the run's folder, Prefect keeps only exceptions. Naming its usual place for them saves a question
# to its API per task, by a client that it never closes.
@flow(
    name="experiment", persist_result=False, result_storage=get_current_settings().results.local_storage_path
)
async def experiment(
    manifest: str,
    name: str | None = None,
    out: str = "runs",
    seed: Seed | None = None,
    repository: str | None = None,
    commit: str | None = None,
    hold: Hold | None = None,
    intensity: Intensity | None = None,
) -> State[dict[str, Any]]:
    """Carry out one experiment and judge it.

    Args:
        manifest: The YAML file, for example experiments/hello.yaml.
        name: Which experiment of that file; needed only when it holds several.
        out: The folder that gets a folder for this run, with its journal, result and report.
        seed: What decides the random choices; without it the manifest's digest does.
        repository: The git repository that the manifest's path is relative to; without it, a file of this machine.
        commit: The commit of that repository whose manifest and app are used.
        hold: How long every step is held, such as 30s; without it, as long as the manifest says.
        intensity: The preset of every fault, in place of the manifest's exact numbers.
    """
    loaded = await asyncio.to_thread(_loaded, manifest, repository, commit)
    meant = _one(loaded, manifest, name)
    plan = draw(meant, seed=seed, overrides=Overrides.read(hold, intensity))
    try:
        result = await carried_out(plan, Path(out), text_of(meant))
    except Interrupted as error:
        return await state_of_unbegun(error)
    await tell_commit(repository, commit, result)
    return await final_state(result)


async def carried_out(plan: Plan, out: Path, manifest: str) -> Result:
    """Stages 2 to 7 of one plan, inside a flow run; the manifest is kept in the run's folder.

    Raises Halted, and Interrupted while it waits for its turn.
    """
    watch = watching()
    logger = get_run_logger()

    def say(line: str) -> None:
        logger.info(line)
        watch.say(line)

    async with (
        heeded(watch.stop) as stop,
        in_turn(plan.at_once, say, stop),
        in_turn_everywhere(plan.at_once, say, stop),
    ):
        run = Run.new(plan.name, out)
        note_origin(run, plan.source, watch.by)
        keep_manifest(run, manifest)
        with under_way(run, str(flow_run.id)):
            async with elsewhere(run, say) as delivery:
                result = await delivery.conclude(await _stages(plan, run, watch, stop))
    await record(run.folder, say)
    await notice_result(result, say)
    return result


async def _stages(plan: Plan, run: Run, watch: Watch, stop: Stop) -> Result:
    watch.on_begin(run)
    await introduce(plan.name, plan.labels, run)
    try:
        async with exported(run) as metrics, shown_live(plan, run, watch) as live:
            run = await _trials(plan, run, replace(watch, stop=stop))
    except asyncio.CancelledError:
        runner.analyze(run)  # a cancelled run leaves its result as well
        raise
    result = await tasks.analyze(run, metrics)
    watch.result = await tasks.visualize(run, result, live)
    return watch.result


async def _trials(plan: Plan, run: Run, watch: Watch) -> Run:
    """Sandbox, inject and collect of every trial, until one ends the series or it is decided."""
    for trial in runner.turns(plan, run):
        async with runner.concluded(run):
            ref = await _patient(trial)(trial, run, watch)
            ref = await tasks.inject(trial, run, ref)
            run = await tasks.collect(trial, run, ref, watch)
    return run


def _loaded(manifest: str, repository: str | None, commit: str | None) -> list[Loaded]:
    """The experiments of a file, or of a file of a commit. Raises ManifestError, SourceError, GitError."""
    if repository is None or commit is None:
        return load(manifest)
    return load_pinned(mirror_of(Source(repository)), commit, manifest, trees())


def _one(experiments: list[Loaded], manifest: str, name: str | None) -> Loaded:
    """The experiment that is meant. Raises ManifestError."""
    found = {loaded.manifest.metadata.name: loaded for loaded in experiments}
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name in found:
        return found[name]
    raise ManifestError(
        f"{manifest}: say which experiment by its name; it holds: {', '.join(found) or 'none'}"
    )


async def introduce(name: str, labels: Mapping[str, str], run: Run) -> None:
    """Give the flow run its name, its tags, and the labels by which others find the run and its folder."""
    tags = sorted({*flow_run.tags, name, *(f"{key}:{value}" for key, value in labels.items())})
    async with get_client() as client:
        await client.update_flow_run(flow_run.id, name=f"{name}-{run.id[-6:]}", tags=tags)
        found: dict[str, Any] = {RUN: run.id, FOLDER: str(run.folder)}
        await client.update_flow_run_labels(UUID(flow_run.id), found)


def _patient(plan: Plan) -> Task[[Plan, Run, Watch], Coroutine[Any, Any, SandboxRef]]:
    """The task that opens the sandbox, with as many tries as the manifest grants."""
    return tasks.sandbox.with_options(retries=plan.retries)
