"""Scheduled experiments: a manifest's `schedule` becomes a Prefect deployment of the experiment flow.

A deployment names the flow by its module, so whoever runs it needs this package installed and the manifests at
the same path, and no pull step. Runs start in a temporary folder; therefore all paths in parameters are absolute.
"""

from collections.abc import Sequence
from pathlib import Path

from prefect import aserve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from chaos.manifests.load import Loaded
from chaos.plan import plan as draw
from flows.experiment import experiment


async def deployment_of(loaded: Loaded, out: Path) -> RunnerDeployment:
    """The deployment of one experiment, not yet sent to any API. Raises PlanError when it could not be run here."""
    plan = draw(loaded)
    spec = loaded.manifest.spec
    return await experiment.ato_deployment(
        name=plan.name,
        schedule=Cron(spec.schedule.cron, timezone=spec.schedule.timezone) if spec.schedule else None,
        paused=spec.suspend,
        parameters={
            "manifest": str(Path(plan.source).absolute()),
            "name": plan.name,
            "out": str(out.absolute()),
        },
        description=plan.hypothesis,
        tags=[plan.name, *(f"{key}:{value}" for key, value in plan.labels.items())],
        version=plan.digest,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


async def serve(manifests: Sequence[Loaded], out: Path) -> None:
    """Deploy these experiments and run what is scheduled or asked for, one at a time, until cancelled."""
    await aserve(
        *[await deployment_of(each, out) for each in manifests], limit=1, print_starting_message=False
    )
