"""The same store twice: in a file of SQLite, and in a real Postgres."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.history.store import History
from tests.postgres_fixture import Postgres, started


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with started() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a store that nobody has used yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history.db"
    server: Postgres = request.getfixturevalue("postgres")
    server.ask("DROP SCHEMA IF EXISTS chaoslab CASCADE")
    return server.url()


@pytest.fixture
def store(url: str) -> Iterator[History]:
    with History.open(url) as found:
        yield found
