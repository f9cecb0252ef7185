"""A transparent HTTP proxy: connections that a packet rule leads here go on to where they were meant to go."""

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chaos.faults.http.passage import Passage
from chaos.faults.http.tampering import Dice
from chaos.faults.http.wire import Wire
from chaos.faults.network import nft
from chaos.faults.network.flows import Flow

if TYPE_CHECKING:
    from chaos.faults.http.secured import Terms

_SO_MARK = 36  # <asm-generic/socket.h>
_ORIGINAL_DST = 80  # SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of <linux/netfilter_ipv4.h>
_SOL_IP, _SOL_IPV6 = 0, 41
KINDS = (
    "tls",
    "http2",
    "upgraded",
    "server-first",
    "other",
    "secured",
    "streamed",
    "distrusted",
    "unfinished",
    "tls-refused",
)
"""What a connection may turn out to be besides HTTP/1.1: see Relay; `secured` TLS and `streamed` HTTP/2 are read."""
_BACKLOG = 1024
_TRIES = 16


def own_mark() -> int:
    """On this process's own connections, so that they are not led here again; another proxy's are, as any client's."""
    return 0x4348_0000 | os.getpid() & 0xFFFF


class Proxy:
    """Serves at `port` of every address; whose destination port is among `of_port` has dice of its own.

    So has who is not the app: `thrown_for` says whose dice are thrown for a flow.
    """

    def __init__(
        self,
        dice: Dice,
        of_port: dict[int, Dice],
        terms: "Terms | None" = None,
        thrown_for: Callable[[Flow], Dice] | None = None,
    ) -> None:
        self._thrown_for = thrown_for or (lambda _: dice)
        self._terms = terms
        self._dice = dice
        self._of_port = of_port
        self._listeners = listeners()
        self.port: int = self._listeners[0].getsockname()[1]
        self._servers: list[asyncio.Server] = []
        self._passages: dict[asyncio.Task[None], Passage | None] = {}
        self.connections = 0
        self._ended_as: Counter[str] = Counter()

    async def serve(self) -> None:
        """Begin to take connections; those that came meanwhile have waited."""
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            self._servers.append(await loop.create_server(self._accept, sock=listener, backlog=_BACKLOG))

    def release(self) -> int:
        """The fault is over: whatever is held back goes on. How many of the target's connections are carried on."""
        passages = [passage for passage in self._passages.values() if passage is not None]
        for passage in passages:
            passage.release()
        return sum(passage.dice is self._dice for passage in passages)

    async def carry_on(self, grace_s: float) -> None:
        """Until the last connection has ended; those that were led here before that are taken for so long."""
        await asyncio.sleep(grace_s)
        for server in self._servers:
            server.close()
        while self._passages:
            await asyncio.wait(self._passages)

    def counts(self) -> dict[str, int]:
        """Connections of the target so far, and by what they turned out to be those that are not HTTP/1.1."""
        under_way = [one for one in self._passages.values() if one is not None and one.dice is self._dice]
        kinds = self._ended_as + Counter(kind for one in under_way for kind in _kinds(one))
        return {"connections": self.connections, **{f"connections_{kind}": kinds[kind] for kind in KINDS}}

    def _accept(self) -> Wire:
        news = asyncio.Event()
        return _Accepted(news, self)

    def begin(self, client: Wire, news: asyncio.Event) -> None:
        """A connection is there."""
        task = asyncio.create_task(self._carry(client, news))
        self._passages[task] = None
        task.add_done_callback(self._passages.pop)

    async def _carry(self, client: Wire, news: asyncio.Event) -> None:
        connection = client.transport.get_extra_info("socket")
        try:
            address = original_destination(connection)
            dice = self._of_port.get(address[1]) or self._thrown_for(_flow(connection, address))
            self.connections += dice is self._dice
            if address[1] == self.port:
                raise OSError(errno.ELOOP, "meant for the proxy itself")
            upstream = await _connect(address, news)
        except OSError:
            client.reset()
            return
        passage = Passage(client, upstream, news, dice, self._terms)
        task = asyncio.current_task()
        assert task is not None
        self._passages[task] = passage
        await passage.run()
        if dice is self._dice:
            self._ended_as.update(_kinds(passage))


def _kinds(passage: Passage) -> Iterator[str]:
    if passage.tunnelled:
        yield passage.tunnelled
    elif passage.secured:
        yield "secured"
    if passage.streamed:
        yield "streamed"


class _Accepted(Wire):
    """A wire that tells the proxy when it is there."""

    def __init__(self, news: asyncio.Event, proxy: Proxy) -> None:
        super().__init__(news)
        self._proxy = proxy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._proxy.begin(self, self.news)


def original_destination(connection: Any) -> tuple[str, int]:
    """Where a redirected connection was meant to go. Raises OSError."""
    if connection.family == socket.AF_INET:
        raw = connection.getsockopt(_SOL_IP, _ORIGINAL_DST, 16)
        port, address = struct.unpack_from("!2xH4s", raw)
        return socket.inet_ntop(socket.AF_INET, address), port
    raw = connection.getsockopt(_SOL_IPV6, _ORIGINAL_DST, 28)
    port, address = struct.unpack_from("!2xH4x16s", raw)
    return socket.inet_ntop(socket.AF_INET6, address), port


def _flow(connection: Any, meant_for: tuple[str, int]) -> Flow:
    """What its client sends, as the client sees it: the redirection is unknown to it."""
    address, port, *_ = connection.getpeername()
    return Flow(
        nft.TCP,
        socket.inet_pton(connection.family, address.partition("%")[0]),
        port,
        socket.inet_pton(connection.family, meant_for[0]),
        meant_for[1],
    )


async def _connect(address: tuple[str, int], news: asyncio.Event) -> Wire:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, _SO_MARK, own_mark())
        await loop.sock_connect(connection, address)
        _, upstream = await loop.create_connection(lambda: Wire(news), sock=connection)
    except BaseException:
        connection.close()
        raise
    return upstream


def listeners() -> Sequence[socket.socket]:
    """One for each family, at the same free port; IPv4 alone where there is no IPv6. Raises OSError."""
    refused: OSError | None = None
    for _ in range(_TRIES):
        first = socket.create_server(("0.0.0.0", 0), backlog=_BACKLOG)
        try:
            second = socket.create_server(
                ("::", first.getsockname()[1]), family=socket.AF_INET6, backlog=_BACKLOG
            )
        except OSError as error:
            if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                return [first]
            refused = error
            with contextlib.closing(first):
                continue
        return [first, second]
    raise refused or OSError("no port is free")
