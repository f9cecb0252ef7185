"""Database of our Prefect server: SQLite beside its log, or the Postgres of POSTGRES_URL."""

from typing import ClassVar
from urllib.parse import urlsplit

from chaos.errors import ChaosLabError
from chaos.settings import Settings

_SETTING = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
_SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg")


class DatabaseError(ChaosLabError):
    """POSTGRES_URL cannot be used; the message says what is allowed, and never repeats it: it may hold a password."""

    exit_code: ClassVar[int] = 2


def environment() -> dict[str, str]:
    """What a Prefect server's environment needs to keep its history there. Raises DatabaseError."""
    secret = Settings().postgres_url
    if secret is None:
        return {}
    url = secret.get_secret_value()
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname and parts.path.strip("/")) and parts.port != 0
    except ValueError:  # a port that is none
        whole = False
    if not whole or parts.scheme not in _SCHEMES:
        raise DatabaseError("POSTGRES_URL: expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return {_SETTING: f"postgresql+asyncpg://{url.partition('://')[2]}"}
