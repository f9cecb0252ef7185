"""Database interface of the history: one transaction at a time, reading or writing.

Two kinds, each the only file that knows its driver: `chaos.history.sqlite` and `chaos.history.postgres`. Both have one
writer at a time, so that what a write finds is what it changes.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from chaos.history.errors import HistoryError
from chaos.settings import Settings
from chaos.text.inert import one_line

T = TypeVar("T")
_ALLOWED = "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///PATH"


class Database(Protocol):
    """One database."""

    place: str
    """For people: without a password."""

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns of one state of the database. Raises HistoryError."""

    def write(self, work: Callable[[Connection], T]) -> T:
        """The same, alone; when this returns, it is kept, and when it raises, nothing is. Raises HistoryError."""

    def close(self) -> None:
        """End all connections."""


def connect(url: str | None, within_s: float) -> Database:
    """The database at that address; POSTGRES_URL's, or the state folder's file, by default. Raises HistoryError."""
    secret = Settings().postgres_url
    if url is None and secret is not None:
        return _at(secret.get_secret_value(), within_s, "POSTGRES_URL")
    if url is None:
        from chaos.history.sqlite import Sqlite

        return Sqlite(default_file(), within_s)
    return _at(url, within_s, "the history's address")


def default_file() -> Path:
    """Where the history is when nothing else is said."""
    return Settings().state_folder / "console" / "history.db"


def _at(text: str, within_s: float, what: str) -> Database:
    url = _read(text, what)
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite" and url.database:
        from chaos.history.sqlite import Sqlite

        return Sqlite(Path(url.database), within_s)
    if kind in ("postgres", "postgresql") and url.host and url.database:
        from chaos.history.postgres import Postgres

        return Postgres(url, within_s)
    raise HistoryError(f"{what}: {_ALLOWED}")


def _read(text: str, what: str) -> URL:
    with suppress(ArgumentError, ValueError):  # a port that is none
        return make_url(text)
    raise HistoryError(f"{what}: {_ALLOWED}")


def told(place: str, error: SQLAlchemyError | OSError | Exception) -> HistoryError:
    """What a driver's error means, in one sentence without what was asked and without a password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    words = one_line(str(cause)).partition(" [SQL:")[0][:300] or type(cause).__name__
    if "file is not a database" in words or "malformed" in words:
        words += "; move that file away, then: chaoslab history import DIR"
    return HistoryError(f"the history at {place} cannot be used: {words}")
