"""Open TCP connections by address or name, and name what went wrong in one stable word.

The words: `refused` `reset` `closed` (the peer ended it in the middle) `unreachable` `timeout` `unresolved`
`tls` `bad_response` `exhausted` (we ran out of sockets, not the peer) `failed` (anything else).
"""

import asyncio
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import TypeVar

from chaos.errors import NotSeen, ProbeError
from chaos.faults.linux.marks import mark
from chaos.probes.http1 import BadResponse

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)

_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def word(error: BaseException | None) -> str:
    """The stable word for what ended a connection; None is an orderly end that came too early."""
    match error:
        case None | asyncio.IncompleteReadError():
            return "closed"
        case BadResponse():
            return "bad_response"
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            return "reset"
        case socket.gaierror():
            return "unresolved"
        case ssl.SSLError():
            return "tls"
        case OSError() if error.errno in _UNREACHABLE:
            return "unreachable"
        case OSError() if error.errno in _EXHAUSTED:
            return "exhausted"
    return "failed"


def failure(error: OSError) -> ProbeError:
    """The same as what a probe raises: of our own lack of sockets or memory, that nothing was seen."""
    said = word(error)
    return NotSeen(said) if said == "exhausted" else ProbeError(said)


async def resolve(host: str) -> Sequence[str]:
    """The addresses of `host`, itself when it is one. Raises OSError.

    A thread of its own for each name: a resolver that hangs (which is one of our faults) must neither fill
    the loop's shared pool nor hold up the loop's end.
    """
    if is_address(host):
        return [host]
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[str]] = loop.create_future()

    def tell(found: Sequence[str] | OSError) -> None:
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: Sequence[str] | OSError
        try:
            entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except OSError as error:
            found = error
        except UnicodeError:  # a name that cannot be one, such as "a..b"
            found = socket.gaierror(socket.EAI_NONAME, "not a name")
        with suppress(RuntimeError):  # the loop has closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    return await answer


async def connect(
    protocol: Callable[[], _Protocol], addresses: Sequence[str], port: int, tls_name: str | None = None
) -> _Protocol:
    """A connection to the first of `addresses` that takes it; raises the last one's error.

    `tls_name` is the name that the peer's certificate must carry; None means plain TCP.
    """
    loop = asyncio.get_running_loop()
    context = None if tls_name is None else _trust()
    failure: OSError = OSError("no address")
    for address in addresses:
        try:
            connection = await _dialed(address, port)
            _, made = await loop.create_connection(
                protocol, ssl=context, server_hostname=tls_name, sock=connection
            )
        except OSError as error:
            failure = error
        else:
            return made
    raise failure


async def _dialed(address: str, port: int) -> socket.socket:
    """A connection that is marked as ours before its first packet."""
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    family, kind, protocol, _, place = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=numeric
    )[0]
    connection = socket.socket(family, kind, protocol)
    try:
        connection.setblocking(False)
        mark(connection)
        await asyncio.get_running_loop().sock_connect(connection, place)
    except BaseException:
        connection.close()
        raise
    return connection


def is_address(host: str) -> bool:
    """Whether `host` needs no resolver."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, host.partition("%")[0])
            return True
    return False


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()  # reads every certificate authority: tens of milliseconds
