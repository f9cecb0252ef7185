"""The Prefect API to use: the configured one, or one local server of ours in the background.

Ours listens on the loopback only, keeps its files in `~/.local/state/chaoslab/prefect` (in
`$CHAOSLAB_STATE_DIR/prefect` when that is set), survives the command that started it, is ended by `down()`,
and never runs inside our process.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from chaos.errors import ChaosLabError
from chaos.host import private
from flows.server import database
from flows.server.asking import mark_of, silence, ui_url
from flows.server.door import ports
from flows.server.door.keys import Keys
from flows.server.local import local_keys, local_url, record, state_folder, url_of
from flows.server.patience import Patience
from flows.server.process import Background, last_words, locked

STOP_PATIENCE_S = 10.0

SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PYTHONSAFEPATH": "1",  # Nor does a process that it starts import what lies where it stands.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # Record task runs in batches: the UI then lags 1 to 3 seconds behind a burst of 500 instead of 12 to 17.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",  # Below 1 the recorder spins on a core.
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "50",
    # Who holds a place of a limit is known after a restart, too. Prefect's own way keeps it in memory.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}


class ServerError(ChaosLabError):
    """No Prefect API can be had; the message says why and what to do."""

    retryable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Api:
    """A Prefect API that answered just now."""

    url: str
    ui_url: str
    started: bool = False
    """Whether this call started the server."""


@dataclass(frozen=True, slots=True)
class PrefectStatus:
    """What there is of Prefect here."""

    configured: str | None
    """The API that Prefect's own settings name; ours is not used then."""
    local: str | None
    """The URL of our server, when it runs."""
    pid: int | None
    answers: bool
    """Whether the one that would be used answers now."""
    folder: Path


def ensure_api(on_progress: Callable[[str], None] = lambda line: None) -> Api:
    """A Prefect API that answers, started if there is none. Raises ServerError."""
    url = configured_url()
    if url is None:
        return _local_api(on_progress)
    why = silence(url)
    if why is not None:
        raise ServerError(
            f"the configured Prefect API {url} does not answer: {why}; start it, or unset PREFECT_API_URL"
            " (`prefect config unset PREFECT_API_URL` when a profile sets it) to use a local server"
        )
    return Api(url, ui_url(url))


def down() -> bool:
    """End our server; False when none ran. Raises ServerError when its files cannot be used."""
    if not record().exists():
        return False
    with _folder():
        server = Background.load(record())
        if server is not None:
            server.end(STOP_PATIENCE_S)
        record().unlink(missing_ok=True)
        return server is not None


def status() -> PrefectStatus:
    """Look; change nothing."""
    configured, server = configured_url(), Background.load(record())
    pid, local = (None, None) if server is None else (server.pid, url_of(server.port))
    answers = silence(configured) is None if configured else local is not None and mark_of(local) is not None
    return PrefectStatus(configured, local, pid, answers, state_folder())


def link() -> str | None:
    """A new address that lets one browser into our server, once; None when another one is used, or none runs.

    Raises ServerError when the state folder takes no file.
    """
    if configured_url() not in (None, local_url()) or (keys := local_keys()) is None:
        return None
    with _folder():
        return keys.link()


def configured_url() -> str | None:
    """The API that PREFECT_API_URL, a Prefect profile or a settings file names."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url or None


def _local_api(on_progress: Callable[[str], None]) -> Api:
    """Our server, running already or started now; concurrent calls of any processes get the same one."""
    with _folder() as folder:
        server, started = Background.load(record()), False
        if server is None:
            cold = not (folder / "prefect.db").exists()
            on_progress(f"starting a local Prefect server, takes about {15 if cold else 5} s")
            server, started = _start(folder, _first_port(folder)), True
        while not _open_to_us(mark := _answers(server, folder, on_progress), folder):
            first = server.port
            if mark is None:
                on_progress(f"another program was faster on port {server.port}")
                first += 1
            else:
                on_progress(_NO_DOOR)
                server.end(STOP_PATIENCE_S)
            server, started = _start(folder, first), True
        return Api(url_of(server.port), ui_url(url_of(server.port)), started)


_NO_DOOR = (
    "the local Prefect server answers anybody (an older ChaosLab started it), or to another secret: starting it anew;"
    " start `chaoslab serve` again, too, if it runs"
)


def _open_to_us(mark: str | None, folder: Path) -> bool:
    """Whether a server that shows this mark is behind a door that our keys open."""
    keys = Keys.load(folder)
    return keys is not None and mark == keys.mark


def _first_port(folder: Path) -> int:
    """The port that it had before, while nobody else has it: runs and workers go on asking there."""
    keys = Keys.load(folder)
    return keys.port if keys is not None and ports.is_free(keys.port) else ports.FIRST


def _start(folder: Path, first: int) -> Background:
    """Start it on the first free port from that one on."""
    port = ports.first_free(first)
    if port is None:
        raise ServerError(f"no free port for a local Prefect server between {first} and {ports.LAST}")
    ours = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    own = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_UI_API_URL": url_of(port),  # Else its pages ask port 4200.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": url_of(port).removesuffix("/api"),  # Prefect's own: any.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(
            folder / "ui"
        ),  # Else it writes into the installed package.
    }
    Keys.kept_or_made(folder, port)
    server = Background.start(
        [sys.executable, "-P", "-m", "flows.server.door"],
        port=port,
        env=ours | SETTINGS | database.environment() | own,
        cwd=folder,
        log=folder / "server.log",
    )
    try:
        server.save(record())
    except OSError:
        server.end(STOP_PATIENCE_S)  # Nobody would ever find it again.
        raise
    return server


def _answers(server: Background, folder: Path, on_progress: Callable[[str], None]) -> str | None:
    """Wait until it answers; its mark, or None when it ended because another program had taken its port meanwhile.

    It binds its port only when its database is ready, seconds after we saw that the port was free. When it no longer
    works and does not answer, or ended for another reason, it is ended, and what its log says is raised.
    """
    patience = Patience(server.worked_s, on_progress)
    while (mark := mark_of(url_of(server.port), _FIRST_ANSWER_WITHIN_S)) is None or not server.listens():
        ended = server.ended_within(0.1)
        why = "ended at once" if ended else patience.why_over()
        if why is None:
            continue
        server.end(STOP_PATIENCE_S)
        record().unlink(missing_ok=True)
        if ended and not ports.is_free(server.port):
            return None
        log = folder / "server.log"
        raise ServerError(f"the local Prefect server {why}: {last_words(log)}; its log is {log}. {_REMEDY}")
    return mark


_FIRST_ANSWER_WITHIN_S = 15.0
"""A server that listens and is busy with its start; nobody listens yet is known at once."""
_REMEDY = (
    "Set CHAOSLAB_STATE_DIR to a folder that can be written, or PREFECT_API_URL to a server that runs,"
    " or use --no-prefect"
)


@contextmanager
def _folder() -> Iterator[Path]:
    """The state folder, made and locked; what the file system refuses becomes one clear error."""
    folder = state_folder()
    if not hasattr(os, "pidfd_open"):
        raise ServerError(
            "a local Prefect server in the background needs Linux; set PREFECT_API_URL, or use --no-prefect"
        )
    try:
        private.state_folder(folder.parent)
        private.state_folder(folder)
        with locked(folder / "lock"):
            yield folder
    except OSError as error:
        raise ServerError(
            f"the local Prefect server cannot keep its files in {folder}: {error}. {_REMEDY}"
        ) from error
