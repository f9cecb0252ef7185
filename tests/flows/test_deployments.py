"""A manifest's schedule becomes runs: the server's scheduler makes one, and whoever serves it carries it out."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule

from chaos.manifests.load import load
from flows import server
from flows.deployments import deployment_of
from tests.flows.manifests import killed

NIGHTLY = "  schedule: {cron: '0 2 * * *', timezone: Europe/Berlin}\n"

SERVE = """
import asyncio, sys
from datetime import datetime, timedelta, UTC
from pathlib import Path
from prefect import aserve
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import IntervalSchedule
from chaos.manifests.load import load
from flows.deployments import deployment_of

async def main():
    [loaded] = load(sys.argv[1])
    deployment = await deployment_of(loaded, Path(sys.argv[2]))
    # A busy machine may register it after its first time; then the next one counts.
    soon = IntervalSchedule(interval=timedelta(seconds=30), anchor_date=datetime.now(UTC) + timedelta(seconds=4))
    deployment.schedules = [DeploymentScheduleCreate(schedule=soon)]
    await aserve(deployment, limit=1, print_starting_message=False)

asyncio.run(main())
"""


def test_a_schedule_becomes_a_deployment(prefect_server: server.Api, tmp_path: Path) -> None:
    [loaded] = load(killed(tmp_path, more=NIGHTLY))

    async def deployed() -> tuple[UUID, list[FlowRun]]:
        deployment = await deployment_of(loaded, tmp_path / "runs")
        made = await deployment.aapply()
        async with get_client() as client:
            found = await client.read_deployment(made)
            [schedule] = found.schedules
            assert isinstance(schedule.schedule, CronSchedule)
            assert (schedule.schedule.cron, schedule.schedule.timezone) == ("0 2 * * *", "Europe/Berlin")
            assert found.entrypoint == "flows.experiment.experiment"
            assert not found.pull_steps
            assert found.parameters["name"] == "killed"
            assert set(found.tags) == {"killed", "team:flows"}
            return made, await _two_runs(made)

    _, runs = asyncio.run(deployed())
    ahead = [run.expected_start_time for run in runs]
    assert all(run.auto_scheduled for run in runs)
    now = datetime.now(UTC)
    wrong = [at for at in ahead if at is None or not now < at < now + timedelta(days=200)]
    assert not wrong


def test_a_scheduled_run_is_carried_out(prefect_server: server.Api, tmp_path: Path) -> None:
    environment = os.environ | {"PREFECT_API_URL": prefect_server.url, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    command = [sys.executable, "-c", SERVE, str(killed(tmp_path)), str(tmp_path / "runs")]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, stderr=log) as serving,
    ):
        try:
            run = asyncio.run(_first_finished())
        finally:
            serving.send_signal(signal.SIGINT)

    assert run.state is not None, (tmp_path / "log").read_text()
    assert (run.auto_scheduled, run.state.name) == (True, "Completed"), (tmp_path / "log").read_text()
    assert run.parameters["name"] == "killed"
    assert list((tmp_path / "runs").glob("*/result.json"))


async def _first_finished() -> FlowRun:
    async with asyncio.timeout(120):
        while True:
            async with get_client() as client:
                for deployment in await client.read_deployments():
                    runs = await client.read_flow_runs(flow_run_filter=_of(deployment.id))
                    for run in runs:
                        if run.state and run.state.is_final():
                            return run
            await asyncio.sleep(0.5)


async def _two_runs(deployment: UUID) -> list[FlowRun]:
    async with get_client() as client, asyncio.timeout(30):
        while True:
            runs = await client.read_flow_runs(flow_run_filter=_of(deployment))
            if len(runs) >= 2:
                return runs
            await asyncio.sleep(0.5)


def _of(deployment: UUID) -> FlowRunFilter:
    return FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
