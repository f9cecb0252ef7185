"""The experiment flow against a real server and real sandboxes: what Prefect then knows of a run."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, TaskRun

from chaos.analysis.result import Result
from chaos.errors import ManifestError
from chaos.history.store import History
from chaos.manifests.load import load
from chaos.planning.plan import plan
from chaos.runner.observer import RunObserver
from flows.experiment.flow import experiment
from flows.experiment.from_terminal import run_with_prefect
from flows.server import api as server
from tests.flows.manifests import killed
from tests.publish.prometheus.stores import stubborn

STAGES = ["sandbox", "inject", "collect", "analyze", "visualize"]


def conducted(manifest: Path, out: Path) -> Result:
    """The result of a run through Prefect, called as the command line calls it."""
    [loaded] = load(manifest)
    return asyncio.run(run_with_prefect(plan(loaded), out, RunObserver(started_by="terminal")))


def seen(
    result: Result, stages: int = len(STAGES)
) -> tuple[FlowRun, list[TaskRun], list[Artifact], list[str]]:
    """What the API knows of that run, once its task runs are recorded (they arrive as events)."""
    assert result.links.prefect is not None
    return asyncio.run(_seen(UUID(result.links.prefect.rsplit("/", 1)[1]), stages))


async def _seen(run: UUID, stages: int) -> tuple[FlowRun, list[TaskRun], list[Artifact], list[str]]:
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    async with get_client() as client, asyncio.timeout(20):
        while True:
            tasks = await client.read_task_runs(flow_run_filter=mine)
            logs = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])), limit=200)
            said = [log.message for log in logs]
            final = [task for task in tasks if task.state and task.state.is_final()]
            if len(final) == stages and any("Finished in state" in line for line in said):
                break
            await asyncio.sleep(0.2)
        artifacts = await client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[str(run)]))
        )
        return await client.read_flow_run(run), tasks, artifacts, said


@pytest.fixture(scope="module")
def held(prefect_server: server.Api, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run whose system held."""
    folder = tmp_path_factory.mktemp("held")
    return conducted(killed(folder), folder / "runs")


def test_a_run_that_held_completes_with_its_five_stages(held: Result) -> None:
    run, tasks, artifacts, logs = seen(held)

    assert held.why
    assert run.state is not None
    assert (run.state.type.value, run.state.message) == ("COMPLETED", held.why)
    assert run.name == f"killed-{held.run_id[-6:]}"
    assert set(run.tags) == {"killed", "team:flows"}
    assert sorted(task.name for task in tasks) == sorted(STAGES)
    assert {artifact.key for artifact in artifacts} == {
        f"killed-{what}" for what in ("progress", "verdict", "steady-states", "steps", "report")
    }
    [progress] = [artifact for artifact in artifacts if artifact.type == "progress"]
    assert progress.data == 100.0
    assert any("fault injected: process_kill" in line for line in logs)


def test_the_result_is_in_the_runs_folder(held: Result) -> None:
    assert held.links.report is not None
    folder = Path(held.links.report.removeprefix("file://")).parent

    assert Result.model_validate_json((folder / "result.json").read_text()) == held
    assert {path.name for path in folder.iterdir()} == {
        "journal.ndjson",
        "manifest.yaml",
        "result.json",
        "report.html",
        "dashboard.json",
        "origin.json",
    }
    assert held.sandbox.destroyed


def test_the_history_knows_it_by_its_flow_run(held: Result) -> None:
    assert held.links.prefect is not None
    flow_run = held.links.prefect.rsplit("/", 1)[1]
    with History.open() as history:
        found = history.get(held.run_id)
    assert found is not None
    assert (found.run.id, found.run.flow_run, found.run.started_by) == (flow_run, flow_run, "terminal")
    assert found.run.created_ms <= (found.run.started_ms or 0)


def test_a_run_that_deviated_fails_by_that_name(deviated: Result) -> None:
    run = seen(deviated)[0]

    assert deviated.exit_code == 1
    assert run.state is not None
    assert (run.state.type.value, run.state.name, run.state.message) == ("FAILED", "Deviated", deviated.why)


def test_every_trial_has_a_sandbox_of_its_own_and_its_metrics_go_out(
    prefect_server: server.Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stubborn() as store:
        monkeypatch.setenv("PROMETHEUS_REMOTE_WRITE_URL", store.url)
        result = conducted(killed(tmp_path, more="  trials: 2\n"), tmp_path / "runs")
    tasks = seen(result, stages=8)[1]

    assert Counter(task.name for task in tasks) == Counter(STAGES) + Counter(STAGES[:3])
    assert result.delivery["metrics"].complete
    assert len(store.bodies) > 2  # while it lasted, at its end, and what its result says


def test_only_the_sandbox_is_tried_again(
    prefect_server: server.Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").touch()
    monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(tmp_path / "taken"))

    state = asyncio.run(
        experiment(str(killed(tmp_path, retries=1)), out=str(tmp_path / "runs"), return_state=True)
    )

    assert state.name == "Crashed"
    [task] = [task for task in _tasks(state) if task.name == "sandbox"]
    assert task.run_count == 2


def test_a_bad_manifest_is_refused_before_any_task(prefect_server: server.Api, tmp_path: Path) -> None:
    path = killed(tmp_path)
    path.write_text(path.read_text().replace("process_kill", "lag"))

    with pytest.raises(ManifestError, match="unknown 'lag'"):
        asyncio.run(experiment(str(path), out=str(tmp_path / "runs")))
    assert not (tmp_path / "runs").exists()


def test_a_manifest_that_is_not_what_was_asked_for_is_refused(
    prefect_server: server.Api, tmp_path: Path
) -> None:
    path = killed(tmp_path)
    asked = plan(load(path)[0]).spec_digest
    path.write_text(path.read_text().replace("hold: 1s", "hold: 2s"))

    with pytest.raises(ManifestError, match=f"with {asked}: it has changed meanwhile"):
        asyncio.run(experiment(str(path), out=str(tmp_path / "runs"), spec_digest=asked))
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_ends_the_fault_and_writes_the_result(prefect_server: server.Api, tmp_path: Path) -> None:
    done = _run(killed(tmp_path, hold="30s"), prefect_server.url, signal.SIGINT)

    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    result = json.loads(done.stdout)
    assert (result["outcome"], result["sandbox"]["destroyed"]) == ("aborted", True)
    run = seen(Result.model_validate(result))[0]
    assert run.state is not None
    assert (run.state.type.value, run.state.name) == ("FAILED", "Aborted")


def _run(manifest: Path, url: str, number: signal.Signals) -> subprocess.CompletedProcess[str]:
    """`chaoslab run --json`, sent a signal when its fault is in place."""
    code = "from flows.main import main; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "run",
        str(manifest),
        "--out",
        str(manifest.parent / "runs"),
        "--json",
    ]
    with subprocess.Popen(
        command,
        env=os.environ | {"PREFECT_API_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if "fault injected" in line:
                process.send_signal(number)
        assert process.stdout is not None
        out = process.stdout.read()
    return subprocess.CompletedProcess(command, process.returncode, out, said)


def _tasks(state: Any) -> list[TaskRun]:
    run = state.state_details.flow_run_id

    async def read() -> list[TaskRun]:
        async with get_client() as client:
            return await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])))

    return asyncio.run(
        _until(read, lambda tasks: any(task.state and task.state.is_final() for task in tasks))
    )


async def _until(read: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(20):
        while not enough(found := await read()):
            await asyncio.sleep(0.2)
        return found
