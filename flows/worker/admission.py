"""Admission of flow runs: those of our flows only, started in our way only.

Whoever may write to the API may put a deployment into the pool that names a program to run: an entrypoint, a pull step,
a command, an environment. None of that is needed for our flows, so a run that brings any is refused.
"""

from collections.abc import Mapping
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse

from chaos.errors import ChaosLabError

FLOWS = {
    f"{module}{mark}{name}": f"{module}.{name}"
    for module, name in (
        ("flows.experiment", "experiment"),
        ("flows.ad_hoc", "ad_hoc"),
        ("flows.game_day", "game_day"),
        ("flows.reconciling", "reconcile"),
    )
    for mark in (".", ":")
}
"""What an entrypoint may say, and the flow that is meant."""
_HEARTBEAT = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
_ONLY = "`chaoslab serve` runs ChaosLab's own flows only, as `chaoslab sync` and `serve` deploy them"


class NotOursError(ChaosLabError):
    """A flow run that is not carried out; the message is one sentence that says what is foreign in it."""


def our_flow(run: FlowRun, deployment: DeploymentResponse | None) -> str:
    """The entrypoint of our flow that this run asks for, of this deployment. Raises NotOursError."""
    if deployment is None or deployment.id != run.deployment_id:
        raise NotOursError(f"{_ONLY}: this run belongs to no deployment")
    entrypoint = FLOWS.get(deployment.entrypoint or "")
    if entrypoint is None:
        raise NotOursError(f"{_ONLY}: the entrypoint is {_shown(deployment.entrypoint)}")
    if deployment.pull_steps:
        raise NotOursError(
            f"{_ONLY}: its deployment has pull_steps; use a `prefect worker` of your own for it"
        )
    if deployment.path not in (None, "", ".") or deployment.storage_document_id is not None:
        raise NotOursError(f"{_ONLY}: its deployment brings a path or a storage")
    for whose, variables in (("its deployment", deployment.job_variables), ("this run", run.job_variables)):
        if foreign := _foreign(variables or {}):
            raise NotOursError(f"{_ONLY}: {whose} sets job_variables: {', '.join(foreign)}")
    return entrypoint


def _foreign(variables: Mapping[str, Any]) -> list[str]:
    """The names of job variables that our deployments do not have."""
    beside = [_shown(name) for name in variables if name != "env"]
    env = variables.get("env") or {}
    if not isinstance(env, Mapping):
        return [*beside, "env"]
    return beside + [f"env.{_shown(name)}" for name, value in env.items() if not _beats(name, value)]


def _beats(name: str, value: object) -> bool:
    """Whether it is the one that our deployments set: how often a run says that it lives, in seconds."""
    text = str(value)
    return name == _HEARTBEAT and text.isascii() and text.isdigit() and len(text) < 6


def _shown(name: object) -> str:
    """Somebody else's word, so that it is safe to show."""
    return ascii(name)[:80]
