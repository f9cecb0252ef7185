"""`chaoslab serve` beside what others put into our pool: refused in words, and nothing of it is executed."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import get_client

from flows.server.api import Api
from flows.worker import infrastructure as standing
from tests.flows.conftest import environment
from tests.flows.patience import client

WITHIN_S = 120.0
OURS = "flows.ad_hoc.ad_hoc"


@dataclass
class Pool:
    """The pool that `serve` works for, and a folder in which a file appears when something foreign was executed."""

    api: httpx.Client
    folder: Path
    log: Path

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self.api.post(path, json=body).raise_for_status().json()

    @property
    def planted(self) -> Path:
        """A folder whose Python code, of any name of ours, leaves a file when it is imported."""
        for module in ("evil", "flows/__init__", "flows/ad_hoc", "sitecustomize"):
            file = self.folder / f"planted/{module}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(
                f"open({str(self.folder / 'executed')!r}, 'a').write({module!r})\nflow = ad_hoc = print\n"
            )
        return self.folder / "planted"

    @property
    def command(self) -> str:
        return f"touch {self.folder / 'executed'}"

    def run(self, name: str, run: dict[str, Any] | None = None, **deployment: Any) -> str:
        """A run of a deployment that is ours but for what is given; its id."""
        flow = self._post("/flows/", {"name": "ad-hoc"})["id"]
        body = {"name": f"foreign-{name}", "flow_id": flow, "work_pool_name": "chaoslab", "entrypoint": OURS}
        made = self._post("/deployments/", body | {"tags": ["chaoslab"]} | deployment)["id"]
        asked = {"state": {"type": "SCHEDULED"}, "parameters": {"scenario": "no such"}, **(run or {})}
        return str(self._post(f"/deployments/{made}/create_flow_run", asked)["id"])

    def takes_command(self) -> None:
        """From now on the pool's template has a command of its own for every run."""
        template = self.api.get("/work_pools/chaoslab").raise_for_status().json()["base_job_template"]
        evil = template | {"job_configuration": template["job_configuration"] | {"command": self.command}}
        self.api.patch("/work_pools/chaoslab", json={"base_job_template": evil}).raise_for_status()

    def without_deployment(self) -> str:
        flow = self._post("/flows/", {"name": "ad-hoc"})["id"]
        asked = {"flow_id": flow, "state": {"type": "SCHEDULED"}, "work_pool_name": "chaoslab"}
        return str(self._post("/flow_runs/", asked)["id"])

    def ended(self, run: str) -> dict[str, Any]:
        """Its state, once that is final."""
        until = monotonic() + WITHIN_S
        while True:
            state: dict[str, Any] = self.api.get(f"/flow_runs/{run}").raise_for_status().json()["state"]
            if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
                return state
            assert monotonic() < until, (state, self.log.read_text())
            sleep(0.2)


@pytest.fixture
def pool(prefect_server: Api, idle_pool: None, tmp_path: Path) -> Iterator[Pool]:
    """Our pool; what its template says is put back afterwards."""

    async def made() -> None:
        async with get_client() as asking:
            await standing.pool(asking)

    asyncio.run(made())
    with client(prefect_server.url) as api:
        template = api.get("/work_pools/chaoslab").raise_for_status().json()["base_job_template"]
        try:
            yield Pool(api, tmp_path, tmp_path / "log")
        finally:
            api.patch("/work_pools/chaoslab", json={"base_job_template": template}).raise_for_status()


@contextmanager
def serving(pool: Pool) -> Iterator[None]:
    command = [sys.executable, "-m", "flows.main", "serve", "--out", str(pool.folder / "runs")]
    with environment(), pool.log.open("w") as log:
        worker = subprocess.Popen(command, stdout=log, stderr=log, cwd=pool.folder)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(timeout=60)


def test_what_names_a_program_of_its_own_is_refused_and_ours_takes_nothing_of_the_pool(pool: Pool) -> None:
    """All is there before `serve` is: on SQLite many writers only get in each other's way."""
    shell = "prefect.deployments.steps.utility.run_shell_script"
    entry = {"PREFECT__FLOW_ENTRYPOINT": f"{pool.planted}/evil.py:flow"}
    runs = {
        "pull step": pool.run("pull", pull_steps=[{shell: {"script": pool.command}}]),
        "file": pool.run("file", entrypoint=f"{pool.planted}/evil.py:flow"),
        "function": pool.run("function", entrypoint="os.system"),
        "path": pool.run("path", path=str(pool.planted)),
        "command": pool.run("command", job_variables={"command": pool.command}),
        "environment": pool.run("env", job_variables={"env": {"PYTHONPATH": str(pool.planted)}}),
        "entrypoint": pool.run("entry", job_variables={"env": entry}),
        "folder": pool.run("folder", job_variables={"working_dir": str(pool.planted)}),
        "of the run": pool.run("run", {"job_variables": {"command": pool.command}}),
        "no deployment": pool.without_deployment(),
    }
    pool.takes_command()
    ours = pool.run("ours")
    with serving(pool):
        for name, run in runs.items():
            state = pool.ended(run)
            assert (name, state["type"], state["name"]) == (name, "FAILED", "Refused")
            assert state["message"].startswith("`chaoslab serve` runs ChaosLab's own flows only")
            assert "Traceback" not in state["message"]
        state = pool.ended(ours)
    assert (state["type"], state["name"]) == ("FAILED", "Failed")
    assert "no such" in state["message"]
    assert pool.log.read_text().count("refused '") == len(runs)
    assert not (pool.folder / "executed").exists()
