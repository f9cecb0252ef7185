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
from time import monotonic
from typing import ClassVar

import httpx

from chaos import private
from chaos.errors import ChaosLabError
from chaos.settings import Settings
from flows import database, ports
from flows.background import Background, last_words, locked

START_DEADLINE_S = 120.0
"""Alone it takes 13 s at most; on two busy cores a first start has taken a minute. One that died is seen at once."""
ANSWER_WITHIN_S = 2.0
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
class Status:
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
    why = _silence(url)
    if why is not None:
        raise ServerError(
            f"the configured Prefect API {url} does not answer: {why}; start it, or unset PREFECT_API_URL"
            " (`prefect config unset PREFECT_API_URL` when a profile sets it) to use a local server"
        )
    return Api(url, _ui_url(url))


def down() -> bool:
    """End our server; False when none ran. Raises ServerError when its files cannot be used."""
    if not (state_folder() / "server.json").exists():
        return False
    with _folder() as folder:
        server = Background.load(folder / "server.json")
        if server is not None:
            server.end(STOP_PATIENCE_S)
        (folder / "server.json").unlink(missing_ok=True)
        return server is not None


def status() -> Status:
    """Look; change nothing."""
    folder, configured = state_folder(), configured_url()
    server = Background.load(folder / "server.json")
    pid, local = (None, None) if server is None else (server.pid, _url(server.port))
    answers = _silence(configured) is None if configured else local is not None and _healthy(local)
    return Status(configured, local, pid, answers, folder)


def state_folder() -> Path:
    """Where our server keeps its database, its log and its record."""
    return Settings().state_folder / "prefect"


def local_url() -> str | None:
    """The URL of our server, when it runs."""
    server = Background.load(state_folder() / "server.json")
    return None if server is None else _url(server.port)


def configured_url() -> str | None:
    """The API that PREFECT_API_URL, a Prefect profile or a settings file names."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url or None


def _local_api(on_progress: Callable[[str], None]) -> Api:
    """Our server, running already or started now; concurrent calls of any processes get the same one."""
    with _folder() as folder:
        server = Background.load(folder / "server.json")
        started = server is None
        if server is None:
            cold = not (folder / "prefect.db").exists()
            on_progress(f"starting a local Prefect server, takes about {15 if cold else 5} s")
            server = _start(folder, ports.FIRST)
        while not _answers(server, folder):
            on_progress(f"another program was faster on port {server.port}")
            server, started = _start(folder, server.port + 1), True
        return Api(_url(server.port), _ui_url(_url(server.port)), started)


def _start(folder: Path, first: int) -> Background:
    """Start it on the first free port from that one on."""
    port = ports.first_free(first)
    if port is None:
        raise ServerError(f"no free port for a local Prefect server between {first} and {ports.LAST}")
    ours = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    own = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_UI_API_URL": _url(port),  # Else its pages ask port 4200.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(
            folder / "ui"
        ),  # Else it writes into the installed package.
    }
    server = Background.start(
        [sys.executable, "-P", "-m", "prefect", "server", "start", "--host", ports.HOST, "--port", str(port)],
        port=port,
        env=ours | SETTINGS | database.environment() | own,
        cwd=folder,
        log=folder / "server.log",
    )
    try:
        server.save(folder / "server.json")
    except OSError:
        server.end(STOP_PATIENCE_S)  # Nobody would ever find it again.
        raise
    return server


def _answers(server: Background, folder: Path) -> bool:
    """Wait until it answers; False when it ended because another program had taken its port meanwhile.

    It binds its port only when its database is ready, seconds after we saw that the port was free. When it does not
    answer in time, or ended for another reason, it is ended, and what its log says is raised.
    """
    deadline = monotonic() + START_DEADLINE_S
    while not (_healthy(_url(server.port)) and server.listens()):
        ended = server.ended_within(0.1)
        if not ended and monotonic() < deadline:
            continue
        server.end(STOP_PATIENCE_S)
        (folder / "server.json").unlink(missing_ok=True)
        if ended and not ports.is_free(server.port):
            return False
        what = "ended at once" if ended else f"did not answer within {START_DEADLINE_S:.0f} s"
        log = folder / "server.log"
        raise ServerError(f"the local Prefect server {what}: {last_words(log)}; its log is {log}. {_REMEDY}")
    return True


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


def _healthy(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/health", timeout=ANSWER_WITHIN_S, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and answer.text == "true"


def _silence(url: str) -> str | None:
    """Why this API does not answer; None when it does. Prefect's client knows its certificates and keys."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    impatient = {"timeout": ANSWER_WITHIN_S}
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_URL: url}),
        get_client(httpx_settings=impatient, sync_client=True) as client,
    ):
        problem = client.api_healthcheck()
    return None if problem is None else str(problem) or type(problem).__name__


def _url(port: int) -> str:
    return f"http://{ports.HOST}:{port}/api"


def _ui_url(url: str) -> str:
    from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}):
        return PREFECT_UI_URL.value() or url.removesuffix("/api")
