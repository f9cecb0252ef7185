"""Heartbeats of runs: an automation that marks as crashed what is silent for too long."""

from datetime import timedelta

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.prefect.states import CRASHED
from flows.worker.infrastructure import TAG, shows

SILENT_S = 90.0
"""A run that has said nothing for so long has no runner: two heartbeats may get lost."""
WATCH = "chaoslab: runs whose runner died"


async def heeded(
    client: PrefectClient, silent_s: float = SILENT_S, name: str = WATCH, tag: str = TAG
) -> None:
    """The automation that marks a run as crashed when its runner, which cannot do so itself, has died."""
    wanted = watch(silent_s, name, tag)
    found = await client.read_automations_by_name(name)
    for twice in found[1:]:
        await client.delete_automation(twice.id)
    if not found:
        await client.create_automation(wanted)
    elif not shows(found[0].model_dump(mode="json"), wanted.model_dump(mode="json", exclude_unset=True)):
        await client.update_automation(found[0].id, wanted)


def watch(silent_s: float, name: str, tag: str) -> AutomationCore:
    """After a start or heartbeat, anything else of that run is a sign of life: also its end, however named."""
    trigger = EventTrigger(
        posture=Posture.Proactive,
        after={"prefect.flow-run.Running", "prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        match_related=ResourceSpecification({"prefect.resource.id": f"prefect.tag.{tag}"}),
        for_each={"prefect.resource.id"},
        threshold=1,
        within=timedelta(seconds=silent_s),
    )
    why = f"no sign of life for {silent_s:.0f} s: its runner has died. Its fault and its sandbox end by themselves."
    crash = ChangeFlowRunState(state=StateType.CRASHED, name=CRASHED, message=why)
    return AutomationCore(
        name=name, description="Made by `chaoslab serve`.", trigger=trigger, actions=[crash]
    )
