"""Try a dependency from the side, again and again, as an app would: connect to it, or look up its name."""

import contextlib
import errno
import math
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from chaos.faults.linux.marks import mark
from chaos.faults.support.channel import mine

CONNECT_S = 0.5
CONNECT_EVERY_S = 0.1
RESOLVE_S = 0.6
"""Shorter than the shortest patience a resolver can have (1 s, resolv.conf(5)), so that silence shows as silence."""
ANSWERED_S = 3.0
"""For those that are answered at once: a machine may be slow to make a process and to look up."""
_RESOLVE_EVERY_S = 0.2
_PAYLOAD = b"\r\n"
"""Enough to be a request that was begun, and nothing that any server acts on."""


def connections(addresses: Sequence[str], port: int) -> None:
    """Helper: connect about every 100 ms and say {"as", "took_ms"}; after {"payload": true} send something too."""
    address = next((one for one in addresses if connect(one, port) == "connected"), addresses[0])
    with_payload = False
    while True:
        began = time.monotonic()
        ended_as = connect(address, port, with_payload=with_payload)
        took = time.monotonic() - began
        mine().send({"as": ended_as, "took_ms": round(took * 1e3, 3)})
        message = mine().receive(max(0.0, CONNECT_EVERY_S - took)) or {}
        with_payload = with_payload or bool(message.get("payload"))


def own_connections(at_once: int) -> None:
    """Helper: connect to a server of its own, so many at a time, each about every 100 ms.

    Says {"port": n}, then {"as", "took_ms"} of each attempt. Messages of the parent mean nothing; its end is ours.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]
    mine().send({"port": port})
    for work in (partial(_serve, listener), *[partial(_attempt_again, port)] * at_once):
        threading.Thread(target=work, daemon=True).start()
    while True:
        mine().receive()


def _serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.settimeout(CONNECT_S)
        connection.send(connection.recv(len(_PAYLOAD)))


def _attempt_again(port: int) -> None:
    """One line a write, so threads do not tear each other's apart (PIPE_BUF in pipe(7))."""
    while True:
        began = time.monotonic()
        ended_as = connect("127.0.0.1", port, with_payload=True)
        took = time.monotonic() - began
        mine().send({"as": ended_as, "took_ms": round(took * 1e3, 3)})
        time.sleep(max(0.0, CONNECT_EVERY_S - took))


def lookups(name: str, patience_s: float = RESOLVE_S, *, waits: bool = False) -> None:
    """Helper: begin to look the name up every 200 ms, and say {"as", "took_ms", "address"} of each when it ended.

    Where they wait for their answer (`waits`), a slow one does not hold up the next. Elsewhere it does: each is a
    process, and a machine that is slow to make one must not be made slower. Messages of the parent mean nothing here;
    its end is ours.
    """
    most = math.ceil(patience_s / _RESOLVE_EVERY_S) if waits else 1
    under_way: list[Lookup] = []
    next_at = time.monotonic()
    while True:
        if time.monotonic() >= next_at and len(under_way) < most:
            under_way.append(Lookup.begin(name))
            next_at = max(
                next_at + _RESOLVE_EVERY_S, time.monotonic()
            )  # what was missed is not caught up with
        gives_up_at = under_way[0].began + patience_s if under_way else next_at
        until = gives_up_at if len(under_way) == most else min(next_at, gives_up_at)
        wait = max(0.0, until - time.monotonic())
        waiting_for = [mine().fileno(), *(lookup.reading for lookup in under_way)]
        readable = select.select(waiting_for, [], [], wait)[0]
        if mine().fileno() in readable:
            mine().receive(0)
        for lookup in list(under_way):
            if lookup.reading in readable or time.monotonic() >= lookup.began + patience_s:
                under_way.remove(lookup)
                mine().send(lookup.end())


def connect(address: str, port: int, *, with_payload: bool = False, timeout_s: float = CONNECT_S) -> str:
    """What an attempt ends as: `connected`, `timeout`, or the name of an errno. Closes politely."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as connection:
            mark(connection)
            connection.settimeout(timeout_s)
            connection.connect((address, port))
            if with_payload:
                connection.send(_PAYLOAD)
                connection.recv(1)
        return "connected"
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)


@dataclass(frozen=True)
class Lookup:
    """One lookup, made by a child of its own, because a resolver keeps what it has read for the life of its process."""

    child: int
    reading: int
    began: float

    @classmethod
    def begin(cls, name: str) -> "Lookup":
        """Fork and look up."""
        reading, writing = os.pipe()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _resolve_and_exit(name, writing)
        os.close(writing)
        return cls(child, reading, began)

    def end(self, timeout_s: float = 0.0) -> dict[str, str | float]:
        """What it ended as: `resolved` (with the first address), `timeout`, or a getaddrinfo(3) error; once."""
        try:
            ready = select.select([self.reading], [], [], timeout_s)[0]
            silent_ms = (time.monotonic() - self.began) * 1e3
            said = os.read(self.reading, 128).decode() if ready else f"timeout {silent_ms}"
            ended_as, took_ms, address = [*said.split(" "), ""][:3]
        finally:
            os.close(self.reading)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
        ended: dict[str, str | float] = {"as": ended_as, "took_ms": round(float(took_ms), 3)}
        return {**ended, "address": address} if address else ended


def resolve(name: str, timeout_s: float = RESOLVE_S) -> str:
    """What one lookup ends as, see Lookup."""
    return str(Lookup.begin(name).end(timeout_s)["as"])


def _resolve_and_exit(name: str, writing: int) -> None:
    """The child times itself, so that what a new process costs on a busy machine is not counted."""
    began = time.monotonic()
    ended_as, address = "EAI_FAIL", ""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        ended_as, address = "resolved", f" {found[0][4][0]}"
    except socket.gaierror as error:
        ended_as = _GAI_NAMES.get(error.errno or 0, ended_as)
    finally:
        os.write(writing, f"{ended_as} {(time.monotonic() - began) * 1e3:.3f}{address}".encode())
        os._exit(0)


_GAI_NAMES = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}
