"""`chaoslab serve` beside what others put into our pool: refused in words, and nothing of it is executed."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from flows.server import Api
from tests.flows.conftest import environment, nothing_waits
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


@pytest.fixture(scope="module")
def pool(prefect_server: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    folder = tmp_path_factory.mktemp("foreign")
    nothing_waits(prefect_server)
    command = [sys.executable, "-m", "flows.main", "serve", "--limit", "4", "--out", str(folder / "runs")]
    with environment(), client(prefect_server.url) as api, (folder / "log").open("w") as log:
        worker = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            until = monotonic() + WITHIN_S
            while "carrying out" not in (folder / "log").read_text():
                assert worker.poll() is None
                assert monotonic() < until
                sleep(0.1)
            yield Pool(api, folder, folder / "log")
        finally:
            worker.terminate()
            worker.wait(timeout=60)


def test_what_names_a_program_of_its_own_is_refused(pool: Pool) -> None:
    shell = "prefect.deployments.steps.utility.run_shell_script"
    runs = {
        "pull step": pool.run("pull", pull_steps=[{shell: {"script": pool.command}}]),
        "file": pool.run("file", entrypoint=f"{pool.planted}/evil.py:flow"),
        "function": pool.run("function", entrypoint="os.system"),
        "path": pool.run("path", path=str(pool.planted)),
        "command": pool.run("command", job_variables={"command": pool.command}),
        "environment": pool.run("env", job_variables={"env": {"PYTHONPATH": str(pool.planted)}}),
        "entrypoint": pool.run(
            "entry", job_variables={"env": {"PREFECT__FLOW_ENTRYPOINT": f"{pool.planted}/evil.py:flow"}}
        ),
        "folder": pool.run("folder", job_variables={"working_dir": str(pool.planted)}),
        "of the run": pool.run("run", {"job_variables": {"command": pool.command}}),
        "no deployment": pool.without_deployment(),
    }
    for name, run in runs.items():
        state = pool.ended(run)
        assert (name, state["type"], state["name"]) == (name, "FAILED", "Refused")
        assert state["message"].startswith("`chaoslab serve` runs ChaosLab's own flows only")
        assert "Traceback" not in state["message"]
    assert not (pool.folder / "executed").exists()
    assert "Traceback" not in pool.log.read_text()
    assert pool.log.read_text().count("refused '") == len(runs)


def test_a_pool_that_was_given_a_command_does_not_run_it(pool: Pool) -> None:
    """Our own runs go on: they take nothing of the pool."""
    template = pool.api.get("/work_pools/chaoslab").raise_for_status().json()["base_job_template"]
    evil = template | {"job_configuration": template["job_configuration"] | {"command": pool.command}}
    pool.api.patch("/work_pools/chaoslab", json={"base_job_template": evil}).raise_for_status()
    try:
        state = pool.ended(pool.run("ours"))
    finally:
        pool.api.patch("/work_pools/chaoslab", json={"base_job_template": template}).raise_for_status()

    assert (state["type"], state["name"]) == ("FAILED", "Failed")
    assert "no such" in state["message"]
    assert not (pool.folder / "executed").exists()
