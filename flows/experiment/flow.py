"""One experiment as a Prefect flow: sandbox, inject, collect, analyze, visualize; torn down whatever happens.

The order is that of every run (`chaos.runner.pipeline`), and each stage a task (`flows.experiment.stages`). Before it
the plan is taken from whoever calls the flow in this process, or made: everything that can be refused is refused here,
before any task. After it held is Completed, all else Failed with its name.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from pydantic import Field

from chaos.analysis.result import Result
from chaos.errors import Interrupted, ManifestError
from chaos.gitops.pinned import load_pinned
from chaos.gitops.repository.source import Source
from chaos.manifests import digests
from chaos.manifests.load import Loaded, load
from chaos.manifests.overriding import Intensity, Overrides
from chaos.planning.plan import Plan
from chaos.planning.plan import plan as draw
from chaos.runner.pipeline import execute
from chaos.units import POSITIVE_DURATION
from flows.experiment.stages import PrefectStages
from flows.prefect.handover import Handover, take
from flows.prefect.kill_switch import final_state, state_of_unbegun
from flows.repositories.commit_status import report_to_commit
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
    spec_digest: str | None = None,
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
        spec_digest: What the manifest must say, by its digest; a manifest that says something else is refused.
    """
    handover = take()
    plan = handover.plan
    if not isinstance(plan, Plan):
        loaded = await asyncio.to_thread(_loaded, manifest, repository, commit)
        meant = _one(loaded, manifest, name)
        digests.must_be(spec_digest, digests.spec_digest(meant.manifest.spec), meant.file)
        plan = draw(meant, seed=seed, overrides=Overrides.read(hold, intensity))
    try:
        result = await executed(plan, Path(out), handover)
    except Interrupted as error:
        return await state_of_unbegun(error)
    await report_to_commit(repository, commit, result)
    return await final_state(result)


async def executed(plan: Plan, out: Path, handover: Handover) -> Result:
    """Carry it out inside this flow run.

    Raises Halted, and Interrupted while it waits for its turn.
    """
    handover.result = result = await execute(plan, PrefectStages(handover.observer), out)
    return result


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
