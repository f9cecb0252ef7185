"""Session with the MCP server, in a thread and an event loop of its own, bounded from outside.

The MCP client says a lost connection with a CancelledError, which Prefect would take for a cancelled run
(modelcontextprotocol/python-sdk issue 3560), and stays closed afterwards (issue 3522). So: no session outlives one
delivery, a delivery that lost its connection is begun anew as a whole, and what is done in it can be done twice.
"""

import asyncio
import json
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from math import inf
from typing import IO, TYPE_CHECKING, Any, Protocol, TextIO, TypeVar, cast
from urllib.parse import urlsplit

from chaos.errors import PublishError
from chaos.publish.grafana.server import McpServer, Server, Spawned

if TYPE_CHECKING:
    from mcp import Client

T = TypeVar("T")

TOOLS = "search,datasource,prometheus,dashboard,folder,annotations,navigation"
"""Categories of tools that the binary offers to us; all others stay shut."""
CLOSING_S = 1.0
"""Kept back of the time allowed, for ending the binary."""
PAUSES_S = (0.3, 0.6, 1.2, inf)
"""After each attempt; nothing comes after the last one."""
_NO_SUCH_TOOL = -32602


class GrafanaRefused(PublishError):
    """Grafana, or its MCP server, understood and said no: another attempt says no again."""


class Call(Protocol):
    """Ask one tool, by name. Raises GrafanaRefused."""

    async def __call__(self, tool: str, /, **arguments: Any) -> Any: ...


@dataclass
class _Signs:
    """What is known of a session besides its errors, which say little."""

    words: IO[str]
    """What a spawned server wrote on its standard error."""
    status: int = 0
    """Of the last HTTP answer of a running server."""

    def last_words(self) -> str:
        self.words.seek(0)
        return self.words.read()[-300:]


def prepare() -> None:
    """Import the client, which takes most of a second, while nobody waits for it."""
    with suppress(ImportError):  # it is said when it is needed
        import_module("mcp.client.streamable_http")


def with_session(server: Server, work: Callable[[Call], Awaitable[T]], within_s: float) -> T:
    """What `work` returns, given a way to ask tools. It may be begun several times.

    Takes at most `within_s`, whatever hangs. Raises PublishError; Refused when trying again is useless.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(_attempts(server, work, time.monotonic() + within_s - CLOSING_S))
        except BaseException as error:  # noqa: BLE001  carried over to the caller's thread
            done.set_exception(error)

    threading.Thread(target=run, daemon=True, name="grafana").start()
    try:
        return done.result(within_s)
    except TimeoutError:
        raise PublishError(f"{_name(server)}: no answer within {within_s:g} s") from None


def _attempts(server: Server, work: Callable[[Call], Awaitable[T]], until: float) -> T:
    for pause_s in PAUSES_S:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as words:
            signs = _Signs(words)
            try:
                return asyncio.run(_once(server, work, until, signs))
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  a vendor's client throws what it likes
                why = _why(server, error, signs)
        if isinstance(why, GrafanaRefused) or time.monotonic() + pause_s >= until:
            break
        time.sleep(pause_s)
    raise why


async def _once(server: Server, work: Callable[[Call], Awaitable[T]], until: float, signs: _Signs) -> T:
    """One session. A refusal leaves the session by its front door, or the client would wrap it in groups."""
    refused: GrafanaRefused | None = None
    async with asyncio.timeout(until - time.monotonic()):
        async with _client(server, signs) as client:
            try:
                return await work(_caller(client))
            except GrafanaRefused as error:
                refused = error
    raise refused


def _client(server: Server, signs: _Signs) -> "AbstractAsyncContextManager[Client]":
    try:
        return _over_http(server, signs) if isinstance(server, McpServer) else _over_stdio(server, signs)
    except ImportError as error:
        what = f"no {error.name} here; install it with: pip install 'chaoslab[grafana]'"
        raise GrafanaRefused(what) from error


def _over_stdio(server: Spawned, signs: _Signs) -> "Client":
    import mcp_grafana  # type: ignore[import-untyped]
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    command = StdioServerParameters(
        command=mcp_grafana.get_binary_path(),
        args=["--usage-stats", "disabled", "--log-level", "warn", "--enabled-tools", TOOLS],
        # The client hands down PATH and HOME, nothing else.
        env={"GRAFANA_URL": server.grafana_url, "GRAFANA_SERVICE_ACCOUNT_TOKEN": server.token or ""},
    )
    return Client(stdio_client(command, errlog=cast("TextIO", signs.words)))


def _over_http(server: McpServer, signs: _Signs) -> "AbstractAsyncContextManager[Client]":
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def note(response: httpx2.Response) -> None:
        signs.status = response.status_code

    @asynccontextmanager
    async def opened() -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
        async with (
            httpx2.AsyncClient(headers=headers, event_hooks={"response": [note]}) as http,
            Client(streamable_http_client(server.url, http_client=http)) as client,
        ):
            yield client

    return opened()


def _caller(client: "Client") -> Call:
    from mcp import MCPError

    async def call(tool: str, /, **arguments: Any) -> Any:
        try:
            answer = await client.call_tool(tool, arguments)
        except MCPError as error:
            if error.error.code == _NO_SUCH_TOOL:
                raise GrafanaRefused(f"{tool}: {error}; this needs the tools of mcp-grafana 2") from error
            raise
        text = "".join(part.text for part in answer.content if part.type == "text")
        if answer.is_error:
            raise GrafanaRefused(f"{tool}: {_line(text)}")
        try:
            return json.loads(text)
        except ValueError:
            return text  # generate_deeplink answers with a plain URL

    return call


def _why(server: Server, error: BaseException, signs: _Signs) -> PublishError:
    """The reason behind what the client threw, in words."""
    first = _first(error)
    if isinstance(first, PublishError):
        return first
    if isinstance(server, McpServer) and signs.status in (401, 403):
        return GrafanaRefused(
            f"{_name(server)} answers {signs.status}: GRAFANA_MCP_TOKEN is not the one it wants"
        )
    if isinstance(first, TimeoutError):
        return PublishError(f"{_name(server)}: no answer in time")
    if isinstance(first, asyncio.CancelledError):
        return PublishError(f"{_name(server)}: the connection was lost")
    said = _line(str(first) or type(first).__name__)
    words = _line(signs.last_words())
    return PublishError(f"{_name(server)}: {said}{f': {words}' if words else ''}")


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _name(server: Server) -> str:
    """Without the password that a URL may hold."""
    kind, url = (
        ("the MCP server", server.url) if isinstance(server, McpServer) else ("Grafana", server.grafana_url)
    )
    place = urlsplit(url)
    return f"{kind} at {place.scheme}://{place.netloc.rpartition('@')[2]}"


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
