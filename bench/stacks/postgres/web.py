"""WSGI: one row per answer over a connection that each worker keeps; /safe falls back to the last known one."""

import os
from collections.abc import Callable, Iterable
from typing import Any

import psycopg2

_kept: list[Any] = []


def row() -> str:
    """Ask the database; the connection is kept while it works. Raises psycopg2.Error."""
    if not _kept:
        kept = psycopg2.connect(os.environ["DSN"])
        kept.autocommit = True
        _kept.append(kept)
    try:
        with _kept[0].cursor() as cursor:
            cursor.execute("select 1")
            return str(cursor.fetchone()[0])
    except psycopg2.Error:
        _kept.clear()
        raise


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """The application."""
    status, body = "200 OK", "the last known row"
    try:
        body = row()
    except psycopg2.Error as error:
        if environ["PATH_INFO"] != "/safe":
            status, body = "503 Service Unavailable", str(error)
    start(status, [("Content-Length", str(len(body.encode())))])
    return [body.encode()]
