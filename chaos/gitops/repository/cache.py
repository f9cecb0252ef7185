"""Cache of parsed manifests, by the ID of their content: a push parses only what it changed.

One SQLite file per mirror; whatever is wrong with it, it is made anew. The rows of another version of the code that
reads manifests are not believed.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

Row = list[dict[str, Any]]
"""The experiments of one file, as `Wanted.to_json` gives them, their digests without the apps' trees."""


class Cache:
    """(blob id, path) -> what the file asks for."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._version = _version()

    def known(self) -> dict[tuple[str, str], Row]:
        """Everything that is remembered."""
        try:
            with closing(self._open()) as database:
                rows = database.execute("SELECT oid, path, said FROM manifests").fetchall()
                return {(oid, path): json.loads(said) for oid, path, said in rows}
        except (sqlite3.DatabaseError, json.JSONDecodeError):
            self._file.unlink(missing_ok=True)
            return {}

    def keep(self, new: Mapping[tuple[str, str], Row], gone: Iterable[tuple[str, str]]) -> None:
        """Remember these, forget those. A disk that refuses costs only time, the next time."""
        try:
            with closing(self._open()) as database, database:
                database.executemany("DELETE FROM manifests WHERE oid = ? AND path = ?", list(gone))
                rows = [(oid, path, json.dumps(said)) for (oid, path), said in new.items()]
                database.executemany("INSERT OR REPLACE INTO manifests VALUES (?, ?, ?)", rows)
        except sqlite3.DatabaseError:
            self._file.unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._file, timeout=10)
        database.execute("CREATE TABLE IF NOT EXISTS version (of TEXT)")
        if database.execute("SELECT of FROM version").fetchall() != [(self._version,)]:
            database.executescript(
                "DROP TABLE IF EXISTS manifests; DELETE FROM version;"
                "CREATE TABLE manifests (oid TEXT, path TEXT, said TEXT, PRIMARY KEY (oid, path));"
            )
            with database:
                database.execute("INSERT INTO version VALUES (?)", (self._version,))
        return database


def _version() -> str:
    """Changes with any file that decides how a manifest is read."""
    package = Path(__file__).parents[2]
    seen = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        status = file.stat()
        seen.update(f"{file.relative_to(package)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return seen.hexdigest()
