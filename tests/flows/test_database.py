"""The history of our Prefect server in a real Postgres."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server import api as server
from flows.server.database import DatabaseError
from tests.flows.conftest import environment
from tests.flows.patience import client
from tests.postgres_fixture import Postgres, started


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with started() as found:
        yield found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with (
        environment(CHAOSLAB_STATE_DIR=str(tmp_path)),
        temporary_settings(restore_defaults={PREFECT_API_URL}),
    ):
        yield tmp_path
        server.down()


def test_runs_are_kept_there_and_nowhere_else(
    postgres: Postgres, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_URL", postgres.url())
    api = server.ensure_api()
    with client(api.url) as asking:
        asking.post("/flows/", json={"name": "experiment"}).raise_for_status()
    assert postgres.ask("select name from flow") == "experiment"
    assert not list(home.rglob("*.db"))


def test_a_database_that_refuses_is_one_error_without_the_password(
    postgres: Postgres, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_URL", postgres.url(password="planted-secret"))
    with pytest.raises(server.ServerError, match="password authentication failed") as refused:
        server.ensure_api()
    assert "planted-secret" not in str(refused.value)
    assert not any(b"planted-secret" in path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "url",
    ["mysql://a:planted-secret@h/db", "postgresql://a:planted-secret@h", "postgresql://h:x/planted-secret"],
)
def test_what_is_no_postgres_is_refused_and_not_repeated(
    url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_URL", url)
    with pytest.raises(
        DatabaseError, match=r"expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    ) as refused:
        server.ensure_api()
    assert "planted-secret" not in str(refused.value)
