"""A name server under which one name fails and every other is asked for elsewhere (RFC 1035, UDP and TCP)."""

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable, Sequence

from chaos.errors import InjectionError
from chaos.faults.channel import mine
from chaos.faults.net.names import matches

PORT = 53
ADDRESSES = ("127.0.0.1", "127.53.0.1", "127.53.0.2")
"""Tried in order: the first is where a resolver without configuration asks."""

_HEADER = struct.Struct(
    "!HHHHHH"
)  # id, flags, then counts: questions, answers, authorities, additional (4.1.1)
_RESPONSE, _RECURSION_AVAILABLE = 0x8000, 0x0080
_OPCODE_AND_RECURSION_DESIRED = 0x7900
_SERVFAIL, _NXDOMAIN = 2, 3
_RCODES = {"nxdomain": _NXDOMAIN, "servfail": _SERVFAIL}
_UPSTREAM_S = 5.0
_LONGEST = 65535


def asked_name(query: bytes) -> str:
    """The name of the first question (4.1.2). Raises ValueError when there is none to read."""
    labels: list[str] = []
    offset = _HEADER.size
    while True:
        if offset >= len(query) or query[offset] > 63:
            raise ValueError("not a plain question")
        length = query[offset]
        offset += 1
        if length == 0:
            return ".".join(labels)
        labels.append(query[offset : offset + length].decode("ascii", "replace"))
        offset += length


def failure(query: bytes, rcode: int) -> bytes:
    """The answer that says only that it failed: the question repeated, no records."""
    number, flags, *_ = _HEADER.unpack_from(query)
    flags = _RESPONSE | flags & _OPCODE_AND_RECURSION_DESIRED | _RECURSION_AVAILABLE | rcode
    end = query.index(b"\0", _HEADER.size) + 5  # the root label, then type and class
    return _HEADER.pack(number, flags, 1, 0, 0, 0) + query[_HEADER.size : end]


class Server:
    """Answers each query in a thread of its own; `upstream` is asked about what is not ours."""

    def __init__(self, address: str, names: Sequence[str], mode: str, upstream: Sequence[str]) -> None:
        self._names = names
        self._mode = mode
        self._upstream = upstream
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind((address, PORT))
        self._streams = socket.create_server((address, PORT))

    def serve(self) -> None:
        """Answer until the parent closes the channel (EOFError)."""
        datagrams, streams, parent = self._datagrams.fileno(), self._streams.fileno(), mine().fileno()
        while True:
            readable = select.select([datagrams, streams, parent], [], [])[0]
            if parent in readable:
                mine().receive(0)  # EOFError at the end
            if datagrams in readable:
                query, client = self._datagrams.recvfrom(_LONGEST)
                self._begin(self._answer_datagram, query, client)
            if streams in readable:
                self._begin(self._answer_stream, self._streams.accept()[0])

    def _begin(self, answer: Callable[..., None], *about: object) -> None:
        threading.Thread(target=answer, args=about, daemon=True).start()

    def _answer_datagram(self, query: bytes, client: tuple[str, int]) -> None:
        answer = self.answer(query, socket.SOCK_DGRAM)
        if answer:
            self._datagrams.sendto(answer, client)

    def _answer_stream(self, connection: socket.socket) -> None:
        """One query over TCP, its length in front (4.2.2); silence is kept by keeping the connection open."""
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_UPSTREAM_S)
            answer = self.answer(_read_stream(connection), socket.SOCK_STREAM)
            if answer:
                connection.sendall(len(answer).to_bytes(2, "big") + answer)
            else:
                connection.recv(1)

    def answer(self, query: bytes, kind: socket.SocketKind) -> bytes | None:
        """What to say; None is to say nothing."""
        try:
            ours = matches(asked_name(query), self._names)
        except ValueError:
            return None
        if ours:
            return failure(query, _RCODES[self._mode]) if self._mode in _RCODES else None
        for server in self._upstream:
            with contextlib.suppress(OSError):
                return _ask(server, query, kind)
        return failure(query, _SERVFAIL)


def _ask(server: str, query: bytes, kind: socket.SocketKind) -> bytes:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, kind) as upstream:
        upstream.settimeout(_UPSTREAM_S)
        upstream.connect((server, PORT))
        if kind == socket.SOCK_DGRAM:
            upstream.send(query)
            return upstream.recv(_LONGEST)
        upstream.sendall(len(query).to_bytes(2, "big") + query)
        return _read_stream(upstream)


def _read_stream(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as stream:
        length = stream.read(2)
        message = stream.read(int.from_bytes(length, "big"))
    if len(message) < _HEADER.size:
        raise OSError("the other end closed early")
    return message


def run(names: Sequence[str], mode: str, upstream: Sequence[str]) -> None:
    """Helper: serve. Says {"address": where}."""
    reasons = []
    for address in ADDRESSES:
        try:
            server = Server(address, names, mode, [one for one in upstream if one != address])
        except OSError as error:
            reasons.append(f"{address}: {error.strerror}")
        else:
            mine().send({"address": address})
            server.serve()
            return
    raise InjectionError("no address to serve names at. " + ", ".join(reasons))
