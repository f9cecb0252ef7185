"""The experiment flow called in this process: the plan is handed over, and nothing is read or planned again."""

from collections.abc import Callable
from pathlib import Path

from chaos.analysis.result import Result
from chaos.planning.plan import Plan
from chaos.runner.observer import RunObserver
from flows.experiment.flow import experiment
from flows.prefect.handover import Handover, handed_over
from flows.prefect.session import result_of


async def call(
    plan: Plan,
    out: Path,
    observer: RunObserver,
    say: Callable[[str], None],
    manifest: str | None = None,
    repository: str | None = None,
    commit: str | None = None,
) -> Result:
    """What the flow run came to. `say` hears when Prefect goes away meanwhile. Raises FlowError and ChaosLabError.

    The parameters are for people and for whoever starts the same again elsewhere; `manifest` is the plan's own source
    unless it is of a commit.
    """

    def learnt() -> Result | None:
        return handover.result if isinstance(handover.result, Result) else None

    with handed_over(Handover(plan, observer)) as handover:
        run = experiment(
            manifest or plan.source,
            plan.name,
            str(out),
            plan.seed,
            repository=repository,
            commit=commit,
            **plan.overrides,
            return_state=True,
        )
        return await result_of(run, learnt, say)
