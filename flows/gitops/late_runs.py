"""Late runs of the reconciliation flow: if several were missed, one is kept and the rest are cancelled."""

from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled

WHY = "its time passed while no worker was there; one look does for all that were missed"


async def cancel_late(client: PrefectClient, deployment: UUID) -> int:
    """Cancel what of that deployment waits though its time has come; how many that were."""
    late = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
        ),
    )
    for each in late:
        await client.set_flow_run_state(each.id, Cancelled(message=WHY))
    return len(late)
