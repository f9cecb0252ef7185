"""The way the product is used: a push to a bare repository, the hook, the worker, the verdict on the commit."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.notes import notes
from chaos.gitops.repository.source import Source
from chaos.gitops.status import ManifestStatus
from flows.gitops.status import look
from flows.repositories.page import key_of
from flows.server.api import Api
from tests.flows.conftest import environment
from tests.flows.patience import client
from tests.gitops.repository import Repository, manifest

CHAOSLAB = [sys.executable, "-m", "flows.main"]
WEB = "import http.server\nhttp.server.test(port=8000, bind='127.0.0.1')\n"
WITHIN_S = 120.0
"""A run of three seconds, its start in a process of its own, and a machine that is busy with other tests."""


@pytest.fixture
def serving(prefect_server: Api, idle_pool: None, tmp_path: Path) -> Iterator[None]:
    """`chaoslab serve`, ended by the signal that Ctrl-C sends."""
    with environment(PREFECT_API_URL=prefect_server.url), (tmp_path / "serve.log").open("w") as log:
        worker = subprocess.Popen([*CHAOSLAB, "serve"], stdout=log, stderr=log)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(timeout=60)


@pytest.fixture
def bare(prefect_server: Api, tmp_path: Path) -> Path:
    folder = tmp_path / "experiments.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    with environment(PREFECT_API_URL=prefect_server.url):
        out = str(tmp_path / "runs")
        subprocess.run(
            [*CHAOSLAB, "gitops", "install-hook", str(folder), "--out", out], check=True, capture_output=True
        )
    return folder


def push(repository: Repository, bare: Path) -> str:
    """Commit and push; what the push said."""
    repository.commit()
    done = subprocess.run(
        ["git", "-C", str(repository.folder), "push", str(bare), "main"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


async def verdicts(mirror: Mirror, commit: str, count: int) -> list[str]:
    """The lines on the commit, once there are that many."""
    async with asyncio.timeout(WITHIN_S):
        while len(found := await asyncio.to_thread(notes, mirror, commit)) < count:
            await asyncio.sleep(0.5)
    return found


async def shown(repository: str) -> tuple[tuple[ManifestStatus, ...], str]:
    """How it stands, and its page in Prefect, once both have its verdict."""
    async with get_client() as api, asyncio.timeout(WITHIN_S):
        while True:
            ((account, rows),) = [each for each in await look(api) if each[0].repository == repository]
            key = {"artifacts": {"key": {"any_": [key_of(account)]}}}
            (page,) = (await api.request("POST", "/artifacts/latest/filter", json=key)).json()
            if rows[0].verdict is not None and "| deviated |" in page["data"]:
                return rows, page["data"]
            await asyncio.sleep(0.5)


@pytest.mark.usefixtures("serving")
def test_from_a_push_to_the_verdict_on_the_commit(bare: Path, prefect_server: Api, tmp_path: Path) -> None:
    repository = Repository.make(tmp_path / "work")
    repository.write("experiments/apps/web/web.py", WEB)
    repository.write("experiments/pushed.yaml", manifest("pushed-by-git"))
    repository.write("experiments/broken.yaml", manifest("broken").replace("hold: 1s", "hold: 1"))
    said = push(repository, bare)
    assert "remote: create  pushed-by-git: new in experiments/pushed.yaml" in said
    assert "remote: run     pushed-by-git" in said
    assert "experiments/broken.yaml:12:" in said
    commit = repository.git("rev-parse", "HEAD")
    (line,) = asyncio.run(verdicts(Mirror(Source(str(bare)), tmp_path / "mirrors"), commit, 1))
    assert line.startswith("pushed-by-git: Deviated (")  # nothing starts the process again
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"({folder.name})" in line
    with client(prefect_server.url) as api:
        found = api.get("/deployments/name/experiment/pushed-by-git").raise_for_status().json()
    assert found["version"] == commit[:12]
    rows, page = asyncio.run(shown(str(bare)))
    assert [(each.name, each.sync, each.verdict) for each in rows] == [
        ("pushed-by-git", "Synced", "deviated"),
        ("experiments/broken.yaml", "Stalled", None),
    ]
    assert rows[0].condition("SteadyStateHeld").status == "False"
    assert "| pushed-by-git | Synced | deviated |" in page
    assert "| experiments/broken.yaml | Stalled |" in page
    (repository.folder / "experiments/broken.yaml").unlink()
    assert "remote: " in (said := push(repository, bare))
    assert "run " not in said  # nothing that happens has changed
