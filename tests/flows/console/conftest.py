"""One console for these tests, as `chaoslab console --no-worker` serves it, beside the Prefect server of all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.server import api as server
from tests.flows.console.served import Console, served


@pytest.fixture(scope="package")
def console(prefect_server: server.Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Nobody carries out what it starts."""
    out: Path = tmp_path_factory.mktemp("console") / "runs"
    with served(out) as console:
        yield console
