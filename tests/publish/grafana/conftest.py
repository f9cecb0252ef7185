"""A finished run in a real Prometheus, and doubles of Grafana."""

from collections.abc import Iterator

import pytest

from chaos.publish.prometheus.push import push
from chaos.publish.prometheus.store import Store
from tests import prometheus_fixture
from tests.doubles.grafana import Grafana
from tests.publish.grafana.stage import Stage, kept, with_processes
from tests.report.a_run import events


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything of one run, in a Prometheus of its own: the run was yesterday."""
    run, result = kept(tmp_path_factory.mktemp("runs") / "yesterday", list(with_processes(events())))
    with prometheus_fixture.started(tmp_path_factory.mktemp("prometheus-of-yesterday")) as prometheus:
        with Store(prometheus.write_url) as store:
            push(run, store, everything=True)
        yield Stage(run, result, prometheus)


@pytest.fixture(params=["legacy", "k8s"])
def grafana(request: pytest.FixtureRequest) -> Iterator[Grafana]:
    """Both generations of its API."""
    with Grafana(request.param).running() as server:
        yield server


@pytest.fixture
def new_grafana() -> Iterator[Grafana]:
    """The newer one, where the generation makes no difference."""
    with Grafana().running() as server:
        yield server
