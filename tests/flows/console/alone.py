"""A console whose Prefect is away: everything that needs none, on a real socket, and soon there."""

import asyncio
import contextvars
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread

from prefect.client.orchestration import PrefectClient

from chaos.history import deliveries
from chaos.history.received import Received
from chaos.history.store import History
from flows.console import serving
from flows.console.addresses import Addresses, own_hosts
from flows.console.app import create_app
from flows.console.conductor import Conductor
from flows.console.desk import Desk
from flows.console.feeds import Feeds
from flows.console.finding import Finder
from flows.console.guard import Guard
from flows.console.keeping import Kept
from flows.console.limits import STARTS, Buckets
from flows.console.observing import Observer
from flows.console.overview import Overview
from flows.console.people import Doorkeeper
from flows.console.sessions import Sessions
from flows.console.starting import Starter
from flows.console.underway import Journals
from tests.flows.conftest import environment
from tests.flows.console.served import Console, client

NOWHERE = "http://127.0.0.1:9/api"


@contextmanager
def alone(state: Path) -> Iterator[Console]:
    """Serve it while the block lasts, with a state folder of its own."""
    with environment(CHAOSLAB_STATE_DIR=str(state)), History.open() as history:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        ready: Queue[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = Queue()
        scene = _scene(history, listening, url, ready)
        thread = Thread(target=contextvars.copy_context().run, args=(asyncio.run, scene))
        thread.start()
        loop, task = ready.get(timeout=120)
        try:
            with client(url) as asking:
                yield Console(url, asking)
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join(60)
            listening.close()


async def _scene(
    history: History,
    listening: socket.socket,
    url: str,
    ready: "Queue[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]]",
) -> None:
    streams, kept = (Feeds(), Overview()), Kept(history)
    doorkeeper = Doorkeeper(kept, False, Sessions(), True)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Desk]:
        async with PrefectClient(NOWHERE) as prefect:
            conductor, received = Conductor(prefect, "http://127.0.0.1:9"), Received(deliveries.root())
            yield Desk(
                conductor=conductor,
                history=history,
                finder=Finder(conductor, history, Journals()),
                starter=Starter(conductor, history, "all"),
                observer=Observer(conductor, history),
                address=url,
                api_url=NOWHERE,
                starts=Buckets(STARTS),
                feeds=streams[0],
                overview=streams[1],
                received=received,
                doorkeeper=doorkeeper,
            )

    guard = Guard(create_app(opened), Addresses(own_hosts(listening.getsockname()[1])), doorkeeper, kept)
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    try:
        await serving._served(guard, listening, lambda: ready.put((loop, task)), streams)
    except asyncio.CancelledError:
        task.uncancel()
