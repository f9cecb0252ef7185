"""Try a dependency from the side, again and again, as an app would: connect to it, or look up its name."""

import contextlib
import errno
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chaos.faults.channel import mine

CONNECT_S = 0.5
RESOLVE_S = 0.6
"""Shorter than the shortest patience a resolver can have (1 s, resolv.conf(5)), so that silence shows as silence."""
_CONNECT_EVERY_S = 0.1
_RESOLVE_EVERY_S = 0.2
_PAYLOAD = b"\r\n"
"""Enough to be a request that was begun, and nothing that any server acts on."""


def connections(addresses: Sequence[str], port: int) -> None:
    """Helper: connect about every 100 ms and say what came of it; after {"payload": true} send something too."""
    address = next((one for one in addresses if connect(one, port) == "connected"), addresses[0])

    def attempt(message: Mapping[str, Any]) -> str:
        return connect(address, port, with_payload=bool(message.get("payload")))

    _repeat(attempt, _CONNECT_EVERY_S)


def lookups(name: str) -> None:
    """Helper: look the name up about every 200 ms, and say what came of it."""
    _repeat(lambda _: resolve(name), _RESOLVE_EVERY_S)


def connect(address: str, port: int, *, with_payload: bool = False, timeout_s: float = CONNECT_S) -> str:
    """What an attempt ends as: `connected`, `timeout`, or the name of an errno. Closes politely."""
    try:
        with socket.create_connection((address, port), timeout=timeout_s) as connection:
            if with_payload:
                connection.send(_PAYLOAD)
                connection.recv(1)
        return "connected"
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)


def resolve(name: str, timeout_s: float = RESOLVE_S) -> str:
    """What a lookup ends as: `resolved`, `timeout`, or the name of a getaddrinfo(3) error.

    Each is made by a child of its own, because a resolver keeps what it has read for the life of its process.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _resolve_and_exit(name, writing)
    os.close(writing)
    try:
        ready = select.select([reading], [], [], timeout_s)[0]
        return os.read(reading, 64).decode() if ready else "timeout"
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _resolve_and_exit(name: str, writing: int) -> None:
    answer = "EAI_FAIL"
    try:
        socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        answer = "resolved"
    except socket.gaierror as error:
        answer = _GAI_NAMES.get(error.errno or 0, answer)
    finally:
        os.write(writing, answer.encode())
        os._exit(0)


_GAI_NAMES = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}


def _repeat(attempt: Callable[[Mapping[str, Any]], str], every_s: float) -> None:
    """Say {"as", "took_ms"} of each attempt until the parent closes the channel; its last message goes with each."""
    message: Mapping[str, Any] = {}
    while True:
        began = time.monotonic()
        ended_as = attempt(message)
        took = time.monotonic() - began
        mine().send({"as": ended_as, "took_ms": round(took * 1e3, 3)})
        message = mine().receive(max(0.0, every_s - took)) or message
