"""How fast the history answers: 10,000 runs in SQLite, and so many more in a Postgres.

    python -m bench.history [--runs 10000]                         a file of SQLite
    python -m bench.history --runs 1000000 --postgres              Debian's Postgres, on this machine, for as long
    python -m bench.history --runs 1000000 --url postgresql://…    a database that may be emptied

Runs are made by SQL, with steps, labels and tallies, results of some of them: what the questions read. Each question is
asked often: the fastest and the median are told, in milliseconds of the wall clock (of a busy machine only the fastest
means something), what of it was this process's work, and how many bytes the store has.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Connection, text

from chaos.history import steps2
from chaos.history.database import connect
from chaos.history.migrations import migrate, unbounded
from chaos.history.models import Filters
from chaos.history.store import History
from tests.postgres_fixture import started

EXPERIMENTS, LABELS = 200, 4
_SERIES = {
    "sqlite": "(WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {n}) SELECT i FROM g)",
    "postgresql": "(SELECT generate_series(1, {n}) AS i)",
}
_VERDICT = "CASE WHEN i % 10 < 7 THEN 'held' WHEN i % 10 < 9 THEN 'deviated' ELSE 'inconclusive' END"
_ID = "'20261130-120000-exp-' || (i % {e}) || '-' || i"
_MADE = (
    f"""INSERT INTO runs (id, run_id, experiment, repository, digest, state, outcome, verdict, severity, why,
        overridden, created_ms, started_ms, ended_ms, folder, store, latency_p95, error_rate, recovery_s, cpu_peak,
        memory_peak)
        SELECT {_ID}, {_ID}, 'exp-' || (i % {{e}}), 'shop', 'sha256:' || (i % 7), 'ended', 'completed', {_VERDICT},
        'low', 'because number ' || i || ' of these runs was as it was, in a sentence of usual length', i % 11 = 0,
        1700000000000 + i * 1000, 1700000000000 + i * 1000, 1700000012000 + i * 1000, '/runs/' || i, 'folder',
        (i % 700), (i % 10) / 100.0, (i % 5), (i % 100), (i % 90) FROM {{series}} AS s""",
    f"""INSERT INTO steps (run, n, name, fault, mechanism, kind, landed, asked, delivered, low, high)
        SELECT {_ID}, 0, 'step', CASE WHEN i % 3 = 0 THEN 'network_delay' ELSE 'cpu_stress' END, 'netem', 'real',
        i % 9 > 0, 300, 301, 299, 303 FROM {{series}} AS s""",
    f"INSERT INTO labels (run, key, value) SELECT {_ID}, 'team', 't' || (i % {LABELS}) FROM {{series}} AS s",
    f'INSERT INTO results (run, result) SELECT {_ID}, \'{{{{"padding": "{"x" * 6400}"}}}}\' FROM {{series}} AS s'
    " WHERE i <= 10000",
    """INSERT INTO tallies (repository, experiment, outcome, verdict, n)
        SELECT repository, experiment, outcome, verdict, count(*) FROM runs GROUP BY 1, 2, 3, 4""",
    "postgresql: DROP INDEX IF EXISTS run_words_found",
    *(each for each in steps2.STEP if ("INSERT INTO" in each and "SELECT" in each) or "pg_trgm" in each),
)
_COUNTED = ("tallies", "fault_tallies", "hour_tallies")


def main() -> None:
    """Make them, ask, and say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--url")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--times", type=int, default=30)
    said = parser.parse_args()
    with ExitStack() as ends:
        url = said.url or (_postgres(ends) if said.postgres else _file(ends))
        began = time.monotonic()
        _make(url, said.runs)
        print(f"{said.runs:,} runs made in {time.monotonic() - began:.1f} s")
        with History.open(url) as store:
            for name, ask in _questions(store, said.runs):
                print(f"{name:<34} {_told(ask, said.times)}")
            print(f"{store.meta()['bytes'] / 2**20:.0f} MiB")


def _file(ends: ExitStack) -> str:
    return f"sqlite:///{Path(ends.enter_context(tempfile.TemporaryDirectory()))}/history.db"


def _postgres(ends: ExitStack) -> str:
    server = ends.enter_context(started())
    server.ask("ALTER SYSTEM SET max_wal_size = '256MB'")  # or as much again on the disk as the tables take
    server.ask("SELECT pg_reload_conf()")
    return server.url()


def _make(url: str, runs: int) -> None:
    database = connect(url, 30)
    migrate(database)

    def made(connection: Connection) -> None:
        unbounded(connection)
        connection.execute(text("DELETE FROM runs"))
        for table in _COUNTED:
            connection.execute(text(f"DELETE FROM {table}"))
        series = _SERIES[connection.dialect.name].format(n=runs)
        for each in _MADE:
            only, colon, words = each.partition(": ")
            if not colon or only not in _SERIES or only == connection.dialect.name:
                said = words if colon and only in _SERIES else each
                connection.exec_driver_sql(said.format(series=series, e=EXPERIMENTS))

    database.write(made)
    database.write(lambda connection: connection.execute(text("ANALYZE")))
    database.close()


def _questions(store: History, runs: int) -> Sequence[tuple[str, Callable[[], object]]]:
    middle = Filters(until_ms=1700000000000 + runs * 500)
    half = store.page(limit=50, filters=middle).next
    return (
        ("page of 50, the newest", store.page),
        ("page of 50, in the middle", lambda: store.page(middle, cursor=half)),
        ("page of one experiment", lambda: store.page(Filters(experiment="exp-7"))),
        ("page by verdict", lambda: store.page(Filters(verdict="deviated"))),
        ("page by fault", lambda: store.page(Filters(fault="network_delay"))),
        ("page by a fault that never was", lambda: store.page(Filters(fault="dns_failure"))),
        ("page by label", lambda: store.page(Filters(labels=(("team", "t1"),)))),
        ("page by a word that is in all", lambda: store.page(Filters(q="usual"))),
        ("page by a word that is in none", lambda: store.page(Filters(q="nothing like that"))),
        ("trend of 200", lambda: store.trend("exp-7", 200)),
        ("counts of all", store.counts),
        ("counts of one experiment", lambda: store.counts(Filters(experiment="exp-7"))),
        ("counts of a time", lambda: store.counts(middle)),
        ("counts by fault", lambda: store.counts(Filters(fault="network_delay"))),
        (f"{EXPERIMENTS} experiments, their last 20", store.experiments),
        ("one run", lambda: store.get("20261130-120000-exp-7-7")),
    )


def _told(ask: Callable[[], object], times: int) -> str:
    ask()
    took = []
    busy = time.process_time()
    for _ in range(times):
        began = time.monotonic()
        ask()
        took.append((time.monotonic() - began) * 1000)
    busy = (time.process_time() - busy) / times * 1000
    return (
        f"fastest {min(took):8.2f} ms, median {statistics.median(took):8.2f} ms; our processor {busy:8.2f} ms"
    )


if __name__ == "__main__":
    main()
