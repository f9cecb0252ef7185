"""A name server under which one name fails and every other is asked for elsewhere (RFC 1035, UDP and TCP)."""

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

from chaos.errors import FaultError, InjectionError
from chaos.faults.network.askers import Askers
from chaos.faults.network.cover import uncover
from chaos.faults.network.names import matches
from chaos.faults.network.nft import TCP, UDP
from chaos.faults.support.channel import mine

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
_ADDRESS_RECORDS = {b"\0\1\0\1": socket.AF_INET, b"\0\x1c\0\1": socket.AF_INET6}
"""Type and class of a question about addresses (3.2.2, 3.2.4; RFC 3596): A and AAAA in IN."""
_SAME_NAME = b"\xc0\x0c"  # the name of the question, by its offset (4.1.4)
_TTL_S = 0
_UPSTREAM_S = 5.0
_IDLE_S = 30.0
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


def addresses_of(query: bytes, addresses: Sequence[str]) -> bytes:
    """The answer that holds those of the addresses that were asked for; none, for a question about something else."""
    number, flags, *_ = _HEADER.unpack_from(query)
    flags = _RESPONSE | flags & _OPCODE_AND_RECURSION_DESIRED | _RECURSION_AVAILABLE
    end = query.index(b"\0", _HEADER.size) + 5
    kind = query[end - 4 : end]
    family = _ADDRESS_RECORDS.get(kind)
    packed = [socket.inet_pton(family, one) for one in addresses if family == _family(one)] if family else []
    records = [_SAME_NAME + kind + struct.pack("!IH", _TTL_S, len(one)) + one for one in packed]
    return _HEADER.pack(number, flags, 1, len(records), 0, 0) + query[_HEADER.size : end] + b"".join(records)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class DnsServer:
    """Answers each query in a thread of its own; `upstream` is asked about what is not ours.

    Modes: `nxdomain`, `servfail`, `dns_timeout` (silence), `slow` (after `delay_s` what `known` or the upstream says),
    `spoof` (the addresses of `known[""]`).
    """

    def __init__(
        self,
        address: str,
        names: Sequence[str],
        mode: str,
        upstream: Sequence[str],
        delay_s: float = 0.0,
        known: Mapping[str, Sequence[str]] | None = None,
        pids: Sequence[int] = (),
    ) -> None:
        self._names = names
        self._askers = Askers(pids, PORT)
        self._mode = mode
        self._upstream = upstream
        self._delay_s = delay_s
        self._known = known or {}
        self._guarded: list[Mapping[str, str]] = []
        self._address = address
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind((address, PORT))
        self._streams = socket.create_server((address, PORT))

    def serve(self) -> None:
        """Answer until the parent closes the channel (EOFError).

        What it was told to {"guard": covers} is uncovered then: the parent was killed before it could.
        """
        try:
            self._serve()
        except EOFError:
            for cover in self._guarded:
                with contextlib.suppress(FaultError):  # the next one still can be
                    uncover(cover)
            raise

    def _serve(self) -> None:
        datagrams, streams, parent = self._datagrams.fileno(), self._streams.fileno(), mine().fileno()
        while True:
            readable = select.select([datagrams, streams, parent], [], [])[0]
            if parent in readable and (message := mine().receive(0)):  # EOFError at the end
                self._told(message)
            if datagrams in readable:
                query, client = self._datagrams.recvfrom(_LONGEST)
                self._begin(self._answer_datagram, query, client)
            if streams in readable:
                self._begin(self._answer_stream, *self._streams.accept())

    def _told(self, message: Mapping[str, Any]) -> None:
        if "count" in message:
            self._askers.update(message["pids"])
            mine().send({"asked": self._askers.count()})
        else:
            self._guarded = message["guard"]
            mine().send({"guarding": len(self._guarded)})

    def _begin(self, answer: Callable[..., None], *about: object) -> None:
        threading.Thread(target=answer, args=about, daemon=True).start()

    def _answer_datagram(self, query: bytes, client: tuple[str, int]) -> None:
        answer = self.answer(query, socket.SOCK_DGRAM, client)
        if answer:
            self._datagrams.sendto(answer, client)

    def _answer_stream(self, connection: socket.socket, client: tuple[str, int]) -> None:
        """Queries over TCP, their length in front (4.2.2), until the client ends (RFC 7766); silence keeps it open."""
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as stream:
            connection.settimeout(_IDLE_S)
            while True:
                answer = self.answer(_read_stream(stream), socket.SOCK_STREAM, client)
                if answer:
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def answer(
        self, query: bytes, kind: socket.SocketKind, client: tuple[str, int] | None = None
    ) -> bytes | None:
        """What to say; None is to say nothing. A question about our names counts when the app's `client` asks."""
        came = time.monotonic()
        try:
            name = asked_name(query)
        except ValueError:  # whatever it is, it is not about our names
            return self._ask_upstream(query, kind)
        if not matches(name, self._names):
            return self._ask_upstream(query, kind)
        if client is not None:
            self._askers.note(UDP if kind == socket.SOCK_DGRAM else TCP, client, self._address)
        if self._mode in _RCODES:
            return failure(query, _RCODES[self._mode])
        if self._mode == "slow":
            time.sleep(max(0.0, came + self._delay_s - time.monotonic()))
            known = self._known.get(name.lower())
            return addresses_of(query, known) if known else self._ask_upstream(query, kind)
        return addresses_of(query, self._known[""]) if self._mode == "spoof" else None

    def _ask_upstream(self, query: bytes, kind: socket.SocketKind) -> bytes | None:
        """The answer as it came; a failure where nobody answers, or silence when there is no question to repeat."""
        for server in self._upstream:
            with contextlib.suppress(OSError):
                return _ask(server, query, kind)
        with contextlib.suppress(ValueError):
            asked_name(query)
            return failure(query, _SERVFAIL)
        return None


def _ask(server: str, query: bytes, kind: socket.SocketKind) -> bytes:
    with socket.socket(_family(server), kind) as upstream:
        upstream.settimeout(_UPSTREAM_S)
        upstream.connect((server, PORT))
        if kind == socket.SOCK_DGRAM:
            upstream.send(query)
            return upstream.recv(_LONGEST)
        upstream.sendall(len(query).to_bytes(2, "big") + query)
        with upstream.makefile("rb") as stream:
            return _read_stream(stream)


def _read_stream(stream: BinaryIO) -> bytes:
    length = stream.read(2)
    message = stream.read(int.from_bytes(length, "big"))
    if len(message) < _HEADER.size:
        raise OSError("the other end closed early")
    return message


def run(
    names: Sequence[str],
    mode: str,
    upstream: Sequence[str],
    delay_s: float = 0.0,
    known: Mapping[str, Sequence[str]] | None = None,
    pids: Sequence[int] = (),
) -> None:
    """Helper: serve. Says {"address": where}; told to {"guard": covers}, it says {"guarding": how many}.

    To {"count": true, "pids": the app's} it says {"asked": how often those asked about our names}.
    """
    reasons = []
    for address in ADDRESSES:
        elsewhere = [one for one in upstream if one != address]
        try:
            server = DnsServer(address, names, mode, elsewhere, delay_s, known, pids)
        except OSError as error:
            reasons.append(f"{address}: {error.strerror}")
        else:
            mine().send({"address": address})
            server.serve()
            return
    raise InjectionError("no address to serve names at. " + ", ".join(reasons))


run.outlives_agent = True  # type: ignore[attr-defined]
