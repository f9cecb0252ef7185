"""Postgres backend of the history, in the schema `chaoslab`. The only file that knows its driver.

The driver (asyncpg, as the Prefect server uses it) works in an event loop; ours has a thread of its own, and whoever
asks waits.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from chaos.history.database import told

T = TypeVar("T")
_ONE_WRITER = text("SELECT pg_advisory_xact_lock(7161349100)")
_FAILURES = (
    SQLAlchemyError,
    OSError,
    UnicodeError,
    OverflowError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)


class Postgres:
    """See `chaos.history.database.Database`."""

    def __init__(self, url: URL, within_s: float) -> None:
        self.place = f"{url.host}:{url.port or 5432}/{url.database}"
        ms = str(max(1, int(within_s * 1000)))
        settings = {
            "search_path": "chaoslab",
            "lock_timeout": ms,
            "statement_timeout": str(60_000 + int(ms)),
            "application_name": "chaoslab history",
        }
        self._engine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_size=4,
            pool_timeout=within_s,
            pool_pre_ping=True,
            connect_args={"timeout": within_s, "server_settings": settings},
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="history", daemon=True)
        self._thread.start()

    def read(self, work: Callable[[Connection], T]) -> T:
        """See Database."""
        return self._wait(self._reading(work))

    def write(self, work: Callable[[Connection], T]) -> T:
        """See Database."""
        return self._wait(self._writing(work))

    def close(self) -> None:
        """See Database."""
        if not self._thread.is_alive():
            return
        self._wait(self._engine.dispose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except _FAILURES as error:
            raise told(self.place, error) from error

    async def _reading(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                return await connection.run_sync(work)

    async def _writing(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.begin() as connection:
            await connection.execute(_ONE_WRITER)
            return await connection.run_sync(work)
