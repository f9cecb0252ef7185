"""SQLite backend of the history. The only file that knows its driver.

WAL: readers do not wait for the writer. `synchronous=NORMAL`: what was committed outlives the process that is killed;
a machine that loses power may lose the last commits, which an import brings back. Source: sqlite.org/wal.html.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from chaos.history.database import told
from chaos.history.errors import HistoryError
from chaos.host.private import state_folder

T = TypeVar("T")
_WRITES = "chaoslab_writes"


class Sqlite:
    """See `chaos.history.database.Database`."""

    def __init__(self, file: Path, within_s: float) -> None:
        self.place = str(file.absolute())
        self._file = file.absolute()
        try:
            state_folder(self._file.parent)
            _make(self._file)
        except OSError as error:
            raise HistoryError(f"the history at {self.place} cannot be made: {error.strerror}") from error
        self._engine = create_engine(f"sqlite:///{self._file}", connect_args={"timeout": within_s})
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)

    def read(self, work: Callable[[Connection], T]) -> T:
        """See Database."""
        return self._done(work, writes=False)

    def write(self, work: Callable[[Connection], T]) -> T:
        """See Database."""
        return self._done(work, writes=True)

    def close(self) -> None:
        """See Database."""
        self._engine.dispose()

    def _done(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        try:
            with (
                self._engine.connect().execution_options(**{_WRITES: writes}) as connection,
                connection.begin(),
            ):
                return work(connection)
        except (SQLAlchemyError, UnicodeError, OverflowError) as error:
            raise told(self.place, error) from error


def _make(file: Path) -> None:
    """Ours alone. One that is there is never opened but by SQLite: closing it would end the locks of every connection
    that this process has to it (sqlite.org/howtocorrupt.html, 2.2)."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    """Transactions are ours: Python's driver would begin none for what only reads, nor one for DDL."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
