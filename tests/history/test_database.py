"""The files and servers below: schemas, writers that are killed, stores that are away, full, foreign or newer."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from chaos.history.database import connect
from chaos.history.errors import HistoryError
from chaos.history.migrations import STEPS, migrate, schema
from chaos.history.models import Filters
from chaos.history.store import History
from tests.history.folders import run_folder
from tests.postgres_fixture import Postgres

WRITER = """
import sys
from pathlib import Path
from chaos.history.store import History
with History.open(sys.argv[1]) as store:
    for folder in sorted(Path(sys.argv[2]).iterdir()):
        store.put(folder)
        print(folder.name, flush=True)
"""


def test_a_writer_that_is_killed_loses_nothing_that_it_answered(url: str, tmp_path: Path) -> None:
    for each in range(1, 61):
        run_folder(tmp_path / "runs", each)
    command = [sys.executable, "-c", WRITER, url, str(tmp_path / "runs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        answered = [writer.stdout.readline().strip() for _ in range(12)]
        os.kill(writer.pid, signal.SIGKILL)
        answered += writer.stdout.read().split("\n")[:-1]
    with History.open(url) as store:
        assert all(store.result(each) is not None for each in answered)
        assert len(answered) <= store.counts().total < 60
        assert store.check(deep=True).problems == ()
        assert store.import_([tmp_path / "runs"]).aside == ()
        assert store.counts().total == 60


def test_the_schema_goes_forward_only(url: str) -> None:
    database = connect(url, 5)
    migrate(database)
    migrate(database, [*STEPS, ["CREATE TABLE more (id TEXT)"]])
    assert database.read(schema) == len(STEPS) + 1
    database.close()
    with pytest.raises(HistoryError, match=rf"newer ChaosLab \(its schema is {len(STEPS) + 1}, this"):
        History.open(url)


def test_what_schema_1_held_is_counted_and_found_in_schema_2(url: str) -> None:
    database = connect(url, 5)
    migrate(database, STEPS[:1])

    def filled(connection: Connection) -> None:
        for n, verdict in enumerate(("held", "deviated", None), start=1):
            state = "ended" if verdict else "running"
            columns = "id, run_id, experiment, state, outcome, verdict, why, overridden, created_ms"
            values = "VALUES (:id, :id, 'shop', :state, 'completed', :verdict, 'Because of IT', false, :at)"
            said = {"id": f"r-{n}", "state": state, "verdict": verdict, "at": n * 5_000_000}
            connection.execute(text(f"INSERT INTO runs ({columns}) {values}"), said)
            steps = "INSERT INTO steps (run, n, name, fault, mechanism, kind, landed) VALUES"
            for at in range(2):
                row = f"{steps} (:id, {at}, 's', 'disk_full', 'm', 'k', true)"
                connection.execute(text(row), {"id": f"r-{n}"})
            kind = "INSERT INTO tallies (repository, experiment, outcome, verdict, n) VALUES"
            if verdict:
                connection.execute(text(f"{kind} ('', 'shop', 'completed', '{verdict}', 1)"))

    database.write(filled)
    database.close()
    with History.open(url) as store:
        assert store.check().problems == ()
        assert store.counts(Filters(fault="disk_full")).verdicts == {"held": 1, "deviated": 1}
        assert store.counts(Filters(since_ms=6_000_000, until_ms=10_000_001)).total == 1
        assert [each.run.id for each in store.page(Filters(q="of it")).items] == ["r-3", "r-2", "r-1"]


def test_a_step_that_fails_leaves_nothing(url: str) -> None:
    database = connect(url, 5)
    migrate(database)
    with pytest.raises(HistoryError):
        migrate(database, [*STEPS, ["CREATE TABLE more (id TEXT)", "CREATE TABLE more (id TEXT)"]])
    assert database.read(schema) == len(STEPS)
    migrate(database, [*STEPS, ["CREATE TABLE more (id TEXT)"]])
    database.close()


def test_what_is_no_store_of_ours_is_said(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.write_text("this is somebody's text, and longer than a header is" * 40)
    with pytest.raises(HistoryError, match="not a database; move that file away"):
        History.open(f"sqlite:///{file}")
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE runs (id TEXT)")
    other.close()
    with pytest.raises(HistoryError, match="already exists"):
        History.open(f"sqlite:///{file}")


@pytest.mark.parametrize(
    "url",
    ["mysql://a:planted-secret@h/db", "postgresql://a:planted-secret@h", "postgresql://h:x/planted-secret",
     "planted-secret", "sqlite://", ""],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(HistoryError, match="expected postgresql://") as refused:
        History.open(url)
    assert "planted-secret" not in str(refused.value)


def test_a_server_that_refuses_or_is_away_is_one_sentence(postgres: Postgres) -> None:
    with pytest.raises(HistoryError, match="password authentication failed") as refused:
        History.open(postgres.url(password="planted-secret"))
    assert "planted-secret" not in str(refused.value)
    with pytest.raises(HistoryError, match="does not exist"):
        History.open(postgres.url("nowhere"))
    with pytest.raises(HistoryError, match="cannot be used"):
        History.open("postgresql://a:planted-secret@127.0.0.1:1/db", within_s=1)


def test_a_writer_does_not_wait_for_ever(url: str) -> None:
    with History.open(url, within_s=0.2) as store, History.open(url) as other:

        def hold(_: object) -> None:
            with pytest.raises(HistoryError, match="lock"):
                store.claim("a", "b", "c", 1)

        other._database.write(hold)
        assert store.claim("a", "b", "c", 1).new


def test_a_full_disk_is_one_sentence_and_nothing_is_half_there(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    with History.open(f"sqlite:///{tmp_path}/history.db") as store:
        engine = store._database._engine  # type: ignore[attr-defined]
        engine.dispose()
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1")
            connection.commit()
        with pytest.raises(HistoryError, match="full"):
            store.put(folder)
        engine.dispose()
        assert store.counts().total == 0
        assert store.put(folder) == "added"


def test_it_is_nobody_elses_to_read(tmp_path: Path) -> None:
    with History.open(f"sqlite:///{tmp_path}/console/history.db") as store:
        store.put(run_folder(tmp_path))
        for each in (tmp_path / "console").iterdir():
            assert each.stat().st_mode & 0o077 == 0
    assert (tmp_path / "console").stat().st_mode & 0o077 == 0


def test_it_is_where_the_settings_say(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("POSTGRES_URL", raising=False)
    with History.open() as store:
        assert store.meta()["place"] == str(tmp_path / "console" / "history.db")
    monkeypatch.setenv("POSTGRES_URL", postgres.url())
    with History.open() as store:
        assert store.meta()["place"] == f"127.0.0.1:{postgres.port}/postgres"
        assert store.meta()["schema"] == len(STEPS)
        assert store.meta()["bytes"] > 0
