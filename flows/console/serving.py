"""The console's process: the Prefect server, the history, a worker beside it, and one HTTP server."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from prefect.client.orchestration import get_client

from chaos.errors import ChaosLabError, ManifestError
from chaos.history import deliveries
from chaos.history.received import Received
from chaos.history.store import History
from chaos.history.uploads.bucket import Bucket
from chaos.host import private
from chaos.settings import Settings
from flows.console import pushes
from flows.console.addresses import Addresses, own_hosts
from flows.console.app import create_app
from flows.console.arriving import Shelf
from flows.console.conductor import Conductor
from flows.console.desk import Desk
from flows.console.feeds import Feeds
from flows.console.finding import Finder
from flows.console.guard import Guard
from flows.console.keeping import Kept
from flows.console.limits import STARTS, Buckets, Rate
from flows.console.observing import Observer
from flows.console.overview import Overview
from flows.console.people import Doorkeeper
from flows.console.running import recorded
from flows.console.sessions import Sessions
from flows.console.starting import Starter
from flows.console.underway import Journals
from flows.server import api as server
from flows.server.door.ports import HOST
from flows.server.local import speaking_to
from flows.server.process import Background
from flows.worker import heartbeats
from flows.worker import infrastructure as standing

FIRST, LAST = 8000, 8099
_WORKER_ENDS_WITHIN_S = 45.0
"""It waits for its runs to undo their faults first."""
_HEAD_BYTES = 16 * 1024
_LOOPBACK = (HOST, "localhost")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a console is to be served."""

    host: str = HOST
    port: int | None = None
    """None: the first free one from FIRST on."""
    read_only: bool = False
    worker: bool = True
    out: Path = Path("runs")
    limit: int = 2
    starts: Rate = STARTS
    """How many runs one person may start."""


async def serve(wanted: Wanted, say: Callable[[str], None]) -> None:
    """Until cancelled. Raises ChaosLabError."""
    api = await asyncio.to_thread(server.ensure_api, say)
    with closing(History.open()) as history, closing(_listening(wanted)) as listening:
        hosts, local = _who_may(wanted, history), wanted.host in _LOOPBACK
        port = listening.getsockname()[1]
        address = f"http://{HOST if local else wanted.host}:{port}"
        kept, streams = Kept(history), (Feeds(), Overview())
        doorkeeper = Doorkeeper(kept, wanted.read_only, Sessions(), local)
        app = Guard(
            create_app(lambda: _desk(api, history, address, wanted, doorkeeper, streams)),
            Addresses(own_hosts(port, hosts), _listed(Settings().chaoslab_console_origins)),
            doorkeeper,
            kept,
        )
        with speaking_to(api.url):
            async with _worker(wanted, say):
                with recorded(port) if local else nullcontext():
                    await _served(app, listening, lambda: say(f"console: {address}"), streams)


async def _served(
    app: Guard, listening: socket.socket, ready: Callable[[], None], streams: tuple[Feeds, Overview]
) -> None:
    """Serve until cancelled; open streams are let go then."""
    config = uvicorn.Config(
        app,
        http="h11",  # the one parser that shows an absolute-form target as it came, and refuses two Hosts
        ws="none",
        h11_max_incomplete_event_size=_HEAD_BYTES,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=2,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    serving = _Server(config, ready)
    task = asyncio.create_task(serving.serve([listening]))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        for each in streams:
            each.close()
        serving.should_exit = True
        await task
        raise


class _Server(uvicorn.Server):
    """One that says when it is there, and leaves signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: "list[socket.socket] | None" = None) -> None:
        """See uvicorn.Server."""
        await super().startup(sockets)
        self._ready()

    def capture_signals(self):  # type: ignore[no-untyped-def]
        """See uvicorn.Server: they are heeded already."""
        return nullcontext()


@asynccontextmanager
async def _desk(
    api: server.Api,
    history: History,
    address: str,
    wanted: Wanted,
    doorkeeper: Doorkeeper,
    streams: tuple[Feeds, Overview],
) -> AsyncIterator[Desk]:
    """What the routes work with, and beside it whoever keeps the history up."""
    async with get_client() as client:
        await standing.pool(client)
        await standing.ad_hoc_deployment(client, wanted.out)
        await heartbeats.heeded(client)
        conductor, journals = Conductor(client, api.ui_url), Journals()
        adhoc = Settings().chaoslab_console_adhoc or ("all" if doorkeeper.local else "shop")
        received = Received(deliveries.root())
        observer = Observer(conductor, history, _shelf(history, received))
        desk = Desk(
            conductor=conductor,
            history=history,
            finder=Finder(conductor, history, journals),
            starter=Starter(conductor, history, adhoc),
            observer=observer,
            address=address,
            api_url=api.url,
            starts=Buckets(wanted.starts),
            feeds=streams[0],
            overview=streams[1],
            received=received,
            doorkeeper=doorkeeper,
            pushes=pushes.configured(conductor),
        )
        looking = asyncio.create_task(observer.keep_looking())
        try:
            yield desk
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


def _shelf(history: History, received: Received) -> Shelf | None:
    """Raises ChaosLabError for an address that is none."""
    settings = Settings()
    return Shelf(Bucket.configured(settings), history, received) if settings.chaoslab_artifacts_url else None


def _who_may(wanted: Wanted, history: History) -> Sequence[str]:
    """The configured hosts. Raises ManifestError for an address that is open to others without a token or hosts."""
    hosts = _listed(Settings().chaoslab_console_hosts)
    if wanted.host in _LOOPBACK:
        return hosts
    if not hosts or not any(each.revoked_ms is None for each in history.tokens()):
        raise ManifestError(
            f"--host {wanted.host}: others could reach it; name its addresses in CHAOSLAB_CONSOLE_HOSTS, and make a"
            " token first: chaoslab console token create NAME --role viewer"
        )
    return hosts


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(each.strip() for each in (text or "").split(",") if each.strip())


def _listening(wanted: Wanted) -> socket.socket:
    """A socket at the wanted port, or at the first free one. Raises ManifestError."""
    ports = range(FIRST, LAST + 1) if wanted.port is None else (wanted.port,)
    why = ""
    for port in ports:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((wanted.host, port))
        except (OSError, OverflowError) as error:
            made.close()
            why = str(error)
            continue
        made.listen(256)
        made.setblocking(False)
        return made
    raise ManifestError(f"--host {wanted.host}, ports {ports[0]} to {ports[-1]}: {why}")


@asynccontextmanager
async def _worker(wanted: Wanted, say: Callable[[str], None]) -> AsyncIterator[None]:
    """A worker in a process of its own, so that a console that dies takes no run with it; ended with the console."""
    if not wanted.worker:
        yield
        return
    folder = private.state_folder(Settings().state_folder / "console")
    record = folder / "worker.json"
    worker = Background.load(record)
    if worker is None:
        worker = await asyncio.to_thread(_start_worker, wanted, folder, record)
    else:
        say(f"the worker of a console that died goes on: pid {worker.pid}")
    try:
        yield
    finally:
        say("ending the worker, with what it carries out")
        await asyncio.to_thread(worker.end, _WORKER_ENDS_WITHIN_S)
        record.unlink(missing_ok=True)


def _start_worker(wanted: Wanted, folder: Path, record: Path) -> Background:
    argv = [sys.executable, "-P", "-m", "flows.main", "serve", "--limit", str(wanted.limit)]
    try:
        worker = Background.start(
            [*argv, "--out", str(wanted.out.absolute())],
            port=0,
            env=os.environ,
            cwd=Path.cwd(),
            log=folder / "worker.log",
        )
        worker.save(record)
    except OSError as error:
        raise ChaosLabError(f"{folder}: cannot start a worker: {error}") from error
    return worker
