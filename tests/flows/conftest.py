"""One real Prefect server for all flow tests: its own state folder, its own port, ended with the session."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from chaos.analysis.result import Result
from flows.server import api as server
from flows.server.local import speaking_to
from tests.flows.manifests import killed
from tests.flows.patience import client


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """These variables for a while, and none of Prefect's own that would name another API."""
    before = dict(os.environ)
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Api]:
    """A server of ours, started once; Prefect in this process uses it."""
    home: Path = tmp_path_factory.mktemp("prefect-state")
    with environment(CHAOSLAB_STATE_DIR=str(home)), temporary_settings(restore_defaults={PREFECT_API_URL}):
        api = server.ensure_api()
        try:
            with speaking_to(api.url):
                yield api
                APILogWorker.drain_all(timeout=5)
        finally:
            server.down()


@pytest.fixture
def idle_pool(prefect_server: server.Api) -> None:
    """Nothing that other tests left waits for a worker: it would carry that out first."""
    empty_pool(prefect_server)


def empty_pool(prefect_server: server.Api) -> None:
    """Forget every run that is due and that nobody carries out."""
    due = {"before_": (datetime.now(UTC) + timedelta(minutes=5)).isoformat()}
    states = {"type": {"any_": ["SCHEDULED", "PENDING"]}}
    waiting = {"flow_runs": {"state": states, "next_scheduled_start_time": due}, "limit": 200}
    with client(prefect_server.url) as api:
        while runs := api.post("/flow_runs/filter", json=waiting).raise_for_status().json():
            for run in runs:
                assert api.delete(f"/flow_runs/{run['id']}").status_code in (204, 404)


@pytest.fixture(scope="session")
def deviated(prefect_server: server.Api, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run whose system deviated, once everything of it is recorded."""
    from tests.flows.test_experiment import conducted, seen

    folder = tmp_path_factory.mktemp("deviated")
    result = conducted(killed(folder, restart="never"), folder / "runs")
    seen(result)
    return result
