"""Which flow runs of our pool are ours."""

import json
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse

from flows.worker.admission import NotOursError, our_flow
from flows.worker.infrastructure import RUNNER

SHELL = [{"prefect.deployments.steps.utility.run_shell_script": {"script": "true"}}]


def asked(
    run: dict[str, Any] | None = None, *, deployed: bool = True, **more: Any
) -> tuple[FlowRun, DeploymentResponse | None]:
    """A run of a deployment as we make them, but for what is given."""
    flow, deployment = uuid4(), uuid4()
    ours = {"entrypoint": "flows.experiment.experiment", "job_variables": RUNNER, **more}
    made = DeploymentResponse(id=deployment, name="x", flow_id=flow, **ours)
    wanted = {"flow_id": flow, "deployment_id": deployment if deployed else None, **(run or {})}
    return FlowRun(**wanted), made if deployed else None


@pytest.mark.parametrize(
    ("more", "run", "entrypoint"),
    [
        ({}, {}, "flows.experiment.experiment"),
        ({"entrypoint": "flows.ad_hoc:ad_hoc"}, {}, "flows.ad_hoc.ad_hoc"),
        ({"entrypoint": "flows.game_day.game_day", "path": "."}, {}, "flows.game_day.game_day"),
        (
            {"entrypoint": "flows.reconciling.reconcile", "pull_steps": []},
            {},
            "flows.reconciling.reconcile",
        ),
        ({"job_variables": {}}, {"job_variables": None}, "flows.experiment.experiment"),
        ({"job_variables": {"env": {}}}, {"job_variables": RUNNER}, "flows.experiment.experiment"),
    ],
)
def test_what_we_deploy_is_ours(more: dict[str, Any], run: dict[str, Any], entrypoint: str) -> None:
    assert our_flow(*asked(run, **more)) == entrypoint


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"entrypoint": None}, "the entrypoint is None"),
        ({"entrypoint": ""}, "the entrypoint is ''"),
        ({"entrypoint": "evil.py:flow"}, "the entrypoint is 'evil.py:flow'"),
        ({"entrypoint": "flows.experiment.flow.executed"}, "the entrypoint is"),
        ({"entrypoint": "flows/experiment/flow.py:experiment"}, "the entrypoint is"),
        ({"entrypoint": "../flows.experiment.experiment"}, "the entrypoint is"),
        ({"entrypoint": "flows.experiment.experiment "}, "the entrypoint is"),
        ({"entrypoint": "flows.experiment.flow.\x1b[2Jexperiment"}, r"\\x1b\[2J"),
        ({"entrypoint": "x" * 9000}, "the entrypoint is 'x{79}$"),
        ({"pull_steps": SHELL}, "has pull_steps"),
        (
            {"pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": "/tmp"}}]},
            "has pull_steps",
        ),
        ({"path": "/tmp/evil"}, "a path or a storage"),
        ({"storage_document_id": uuid4()}, "a path or a storage"),
        ({"job_variables": {"command": "true"}}, "its deployment sets job_variables: 'command'"),
        ({"job_variables": {"working_dir": "/tmp"}}, "job_variables: 'working_dir'"),
        ({"job_variables": {"stream_output": False}}, "job_variables: 'stream_output'"),
        ({"job_variables": {"env": {"PYTHONPATH": "/tmp"}}}, "job_variables: env.'PYTHONPATH'"),
        ({"job_variables": {"env": "LD_PRELOAD=x"}}, "job_variables: env$"),
        ({"job_variables": {"env": {**RUNNER["env"], "LD_PRELOAD": "x"}}}, "env.'LD_PRELOAD'"),
        ({"job_variables": {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "$(x)"}}}, "env.'PREFECT_FLOWS"),
        ({"job_variables": {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "²"}}}, "env.'PREFECT_FLOWS"),
    ],
)
def test_what_names_a_program_of_its_own_is_not(more: dict[str, Any], why: str) -> None:
    run, deployment = asked(**more)
    with pytest.raises(NotOursError, match=why) as refusal:
        our_flow(run, deployment)
    assert "\n" not in str(refusal.value)


def test_a_run_may_bring_no_more_than_its_deployment() -> None:
    for variables in ({"command": "true"}, {"env": {"PATH": "/tmp"}}, json.loads('{"\\ud800": 1}')):
        with pytest.raises(NotOursError, match="this run sets job_variables"):
            our_flow(*asked({"job_variables": variables}))


def test_a_run_of_no_deployment_is_not_ours() -> None:
    with pytest.raises(NotOursError, match="no deployment"):
        our_flow(*asked(deployed=False))
    run, _ = asked()
    with pytest.raises(NotOursError, match="no deployment"):
        our_flow(run, asked()[1])
