"""Where our own Prefect server is, and how anything of ours speaks to it, or to another one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from chaos.settings import Settings
from flows.server.door import ports
from flows.server.door.keys import Keys
from flows.server.process import Background

_OURSELVES = (ports.HOST, "localhost", "::1")


def state_folder() -> Path:
    """Where our server keeps its database, its log, its secret and its record."""
    return Settings().state_folder / "prefect"


def record() -> Path:
    """The file that says which process our server is."""
    return state_folder() / "server.json"


def url_of(port: int) -> str:
    """The URL of the API of our server at that port."""
    return f"http://{ports.HOST}:{port}/api"


def local_url() -> str | None:
    """The URL of our server, when it runs."""
    server = Background.load(record())
    return None if server is None else url_of(server.port)


def local_keys() -> Keys | None:
    """What opens our server, when it runs; None for one that was started without a door."""
    server, keys = Background.load(record()), Keys.load(state_folder())
    return keys if server is not None and keys is not None and keys.port == server.port else None


def secret_for(url: str) -> str | None:
    """What opens the API at that URL; None when it is not that of our server, or that runs no more.

    Told to nobody else: not to another host or port, and not to whoever sits at the port of a server that has ended.
    """
    try:
        parts = urlsplit(url)
        ours = (parts.scheme, parts.username) == ("http", None) and parts.hostname in _OURSELVES
        keys = local_keys() if ours else None
        return keys.secret if keys is not None and keys.port == parts.port else None
    except ValueError:  # a port that is none
        return None


@contextmanager
def speaking_to(url: str) -> Iterator[None]:
    """Prefect in this process speaks to that API while the block lasts, with our secret when it is our server's."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    secret = secret_for(url)
    with temporary_settings({PREFECT_API_URL: url} | ({PREFECT_API_AUTH_STRING: secret} if secret else {})):
        yield


def told_to_children(url: str) -> None:
    """Processes that this one starts speak to that API, too."""
    os.environ["PREFECT_API_URL"] = url
    if secret := secret_for(url):
        os.environ["PREFECT_API_AUTH_STRING"] = secret
