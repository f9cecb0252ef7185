"""Migrations of the schema: numbered steps, each in one transaction, only forward.

A step that was released is never changed. It is plain SQL, for what the tables are now says nothing about then; a
statement that begins with `sqlite: ` or `postgresql: ` is for that kind only.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, inspect, text

from chaos.history import steps2
from chaos.history.database import Database
from chaos.history.errors import HistoryError

_OF_RUN = "TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE ON UPDATE CASCADE"
_FIRST = (
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY, run_id TEXT UNIQUE, flow_run TEXT UNIQUE, experiment TEXT NOT NULL, repository TEXT,
        "commit" TEXT, digest TEXT, game_day TEXT, source TEXT, started_by TEXT, state TEXT NOT NULL, phase TEXT,
        outcome TEXT, verdict TEXT, severity TEXT, why TEXT, seed BIGINT, overridden BOOLEAN NOT NULL,
        created_ms BIGINT NOT NULL, started_ms BIGINT, ended_ms BIGINT, machine TEXT, worker TEXT, folder TEXT,
        store TEXT, latency_p95 DOUBLE PRECISION, error_rate DOUBLE PRECISION, recovery_s DOUBLE PRECISION,
        cpu_peak DOUBLE PRECISION, memory_peak DOUBLE PRECISION, version TEXT)""",
    "CREATE INDEX runs_created ON runs (created_ms DESC, id DESC)",
    "CREATE INDEX runs_experiment ON runs (experiment, created_ms DESC, id DESC)",
    "CREATE INDEX runs_verdict ON runs (verdict, created_ms DESC, id DESC)",
    "CREATE INDEX runs_repository ON runs (repository, experiment, created_ms DESC, id DESC)",
    "CREATE INDEX runs_game_day ON runs (game_day) WHERE game_day IS NOT NULL",
    "CREATE INDEX runs_live ON runs (created_ms DESC, id DESC) WHERE state <> 'ended'",
    f"CREATE TABLE results (run {_OF_RUN} PRIMARY KEY, result TEXT NOT NULL, analysis_model TEXT)",
    f"""CREATE TABLE steps (
        run {_OF_RUN}, n BIGINT NOT NULL, name TEXT NOT NULL, fault TEXT NOT NULL, mechanism TEXT NOT NULL,
        kind TEXT NOT NULL, landed BOOLEAN NOT NULL, asked DOUBLE PRECISION, delivered DOUBLE PRECISION,
        low DOUBLE PRECISION, high DOUBLE PRECISION, PRIMARY KEY (run, n))""",
    "CREATE INDEX steps_fault ON steps (fault, run)",
    f"""CREATE TABLE steady_states (
        run {_OF_RUN}, n BIGINT NOT NULL, name TEXT NOT NULL, verdict TEXT NOT NULL, bad_share DOUBLE PRECISION,
        recovery_s DOUBLE PRECISION, PRIMARY KEY (run, n))""",
    f"CREATE TABLE labels (run {_OF_RUN}, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, key))",
    "CREATE INDEX labels_value ON labels (key, value, run)",
    f"""CREATE TABLE artifacts (
        run {_OF_RUN}, name TEXT NOT NULL, bytes BIGINT NOT NULL, sha256 TEXT NOT NULL, "where" TEXT NOT NULL,
        delivered_ms BIGINT NOT NULL, PRIMARY KEY (run, name))""",
    """CREATE TABLE tallies (
        repository TEXT NOT NULL, experiment TEXT NOT NULL, outcome TEXT NOT NULL, verdict TEXT NOT NULL,
        n BIGINT NOT NULL, PRIMARY KEY (repository, experiment, outcome, verdict))""",
    """CREATE TABLE days (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, repository TEXT, digest TEXT, verdict TEXT, score BIGINT,
        coverage DOUBLE PRECISION, started_ms BIGINT NOT NULL, ended_ms BIGINT, state TEXT NOT NULL, folder TEXT,
        fold TEXT)""",
    "CREATE INDEX days_started ON days (started_ms DESC, id DESC)",
    """CREATE TABLE day_runs (
        day TEXT NOT NULL REFERENCES days (id) ON DELETE CASCADE, run TEXT NOT NULL, stage TEXT NOT NULL,
        n BIGINT NOT NULL, PRIMARY KEY (day, n))""",
    "CREATE INDEX day_runs_run ON day_runs (run)",
    """CREATE TABLE requests (
        principal TEXT NOT NULL, key TEXT NOT NULL, body_sha256 TEXT NOT NULL, run TEXT, at_ms BIGINT NOT NULL,
        PRIMARY KEY (principal, key))""",
    "CREATE INDEX requests_at ON requests (at_ms)",
    """CREATE TABLE tokens (
        name TEXT PRIMARY KEY, role TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE, expires_ms BIGINT,
        last_used_ms BIGINT, revoked_ms BIGINT)""",
    """CREATE TABLE audit (
        id {identity}, at_ms BIGINT NOT NULL, who TEXT NOT NULL, "from" TEXT NOT NULL, what TEXT NOT NULL,
        "on" TEXT NOT NULL, answer TEXT NOT NULL)""",
)  # fmt: skip
STEPS: Sequence[Sequence[str]] = (_FIRST, steps2.STEP)
"""The first leads from nothing to schema 1, and so on."""
_IDENTITY = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}


def migrate(database: Database, steps: Sequence[Sequence[str]] = STEPS) -> None:
    """Bring the schema to this version's. Raises HistoryError when it is a newer version's."""
    known = len(steps)
    while (found := database.read(schema)) < known:
        database.write(lambda connection: _one(connection, steps))
    if found > known:
        raise HistoryError(
            f"the history at {database.place} was written by a newer ChaosLab (its schema is {found}, this one knows "
            f"{known}): use that version, or name another history"
        )


def schema(connection: Connection) -> int:
    """Its number; 0 when there is nothing yet."""
    if not inspect(connection).has_table("meta"):
        return 0
    found = connection.execute(text("SELECT value FROM meta WHERE key = 'schema'")).scalar()
    return int(found or 0)


def _one(connection: Connection, steps: Sequence[Sequence[str]]) -> None:
    """The next step, unless another process was there first."""
    at = schema(connection)
    if at >= len(steps):
        return
    unbounded(connection)
    if at == 0:
        _make_schema(connection)
        connection.execute(
            text("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        )
        connection.execute(text("INSERT INTO meta (key, value) VALUES ('schema', '0')"))
    kind = connection.dialect.name
    for each in steps[at]:
        only, colon, rest = each.partition(": ")
        of_one = colon and only in _IDENTITY
        statement = each if not of_one else rest if only == kind else ""
        if words := statement.replace("{identity}", _IDENTITY[kind]):
            connection.exec_driver_sql(words)
    connection.execute(text("UPDATE meta SET value = :at WHERE key = 'schema'"), {"at": str(at + 1)})


def unbounded(connection: Connection) -> None:
    """A statement of this transaction may take as long as it takes: what concerns a million rows takes minutes."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))


def _make_schema(connection: Connection) -> None:
    """Of Postgres: beside the tables of a Prefect server, which may live in the same database."""
    if connection.dialect.name != "postgresql":
        return
    if connection.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = 'chaoslab'")) is None:
        connection.execute(text("CREATE SCHEMA chaoslab"))
