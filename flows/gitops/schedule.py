"""Deployment of the reconciliation flow: repositories synced at an interval, by any worker of our pool."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.schedules import IntervalSchedule

from flows.gitops.flow import reconcile
from flows.worker.infrastructure import POOL, RUNNER, form, pool


async def schedule(client: PrefectClient, name: str, every_s: float, parameters: Mapping[str, Any]) -> str:
    """Make the deployment `reconcile/NAME`, or write it anew; its id.

    One run at a time: while one works, the next has nothing to add and is cancelled.
    """
    await pool(client)
    interval = IntervalSchedule(interval=timedelta(seconds=every_s))
    made = await client.create_deployment(
        flow_id=await client.create_flow_from_name(reconcile.name),
        name=name,
        description=f"Brings Prefect in line with {', '.join(parameters['repositories'])}.",
        tags=["chaoslab"],
        schedules=[DeploymentScheduleCreate(schedule=interval, active=True, slug="interval")],
        parameters=dict(parameters),
        parameter_openapi_schema=form(reconcile),
        job_variables=RUNNER,
        enforce_parameter_schema=True,
        entrypoint="flows.reconciling.reconcile",
        work_pool_name=POOL,
        concurrency_limit=1,
        concurrency_options=ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
    )
    return str(made)
