"""Where an HTTP/1.1 message begins and ends, so that it can be passed on byte for byte (RFC 9112). Pure."""

import re
from dataclasses import dataclass
from typing import Protocol

MOST_BYTES = 64 * 1024
"""Of a head, or of a line between chunks."""

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") (\S+) HTTP/1\.([01])")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: .*)?")
_TOKEN_BYTE = re.compile(_TOKEN)
_AUTHORITY = re.compile(rb"\A[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*")
_BODILESS = (204, 304)
_PREFACE = b"PRI * HTTP/2.0\r\n"
_SETTINGS, _FRAME_HEAD = b"\4", 9
_TLS_RECORD, _CLIENT_HELLO_AT = b"\x16\x03", 5


class NotHttp(ValueError):
    """What came is not a message that this proxy can read; it must pass untouched. `kind` says what it is, if known."""

    def __init__(self, why: str, kind: str = "other") -> None:
        super().__init__(why)
        self.kind = kind


def kind_of(first: bytes) -> str:
    """What a client's first bytes begin that is not HTTP/1.1: `tls`, `http2` or `other`.

    A ClientHello comes in a handshake record, type 22 and version 3.x (RFC 8446 section 5.1); HTTP/2 begins with its
    preface (RFC 9113 section 3.4).
    """
    if first[:2] == _TLS_RECORD[: len(first)] and first[_CLIENT_HELLO_AT : _CLIENT_HELLO_AT + 1] in (
        b"",
        b"\1",
    ):
        return "tls" if first else "other"
    return "http2" if first.startswith(_PREFACE) else "other"


def unasked(first: bytes) -> str:
    """What a server's first bytes begin that come before any request: `http2` or `server-first`.

    A server of HTTP/2 may send its SETTINGS, on stream 0, as soon as it has a connection (RFC 9113 section 3.4).
    """
    return "http2" if first[3:4] == _SETTINGS and not any(first[5:_FRAME_HEAD]) else "server-first"


class MessageBody(Protocol):
    """What follows a head: `take` says how much of what is there belongs to it."""

    done: bool

    def take(self, data: bytes) -> int: ...


class CountedBody:
    """So many bytes (section 6.2)."""

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = length == 0

    def take(self, data: bytes) -> int:
        count = min(self.left, len(data))
        self.left -= count
        self.done = self.left == 0
        return count


class Endless:
    """Everything up to the end of the connection (section 6.3)."""

    done = False

    def take(self, data: bytes) -> int:
        return len(data)


class Chunked:
    """Chunks, each with its size before it, up to one of size 0 and its trailer (section 7.1)."""

    def __init__(self) -> None:
        self.done = False
        self._left = 0
        self._line = b""
        self._expects = "size"

    def take(self, data: bytes) -> int:
        """Raises NotHttp."""
        at = 0
        while at < len(data) and not self.done:
            if self._left:
                count = min(self._left, len(data) - at)
                self._left -= count
                at += count
                continue
            end = data.find(b"\n", at) + 1
            self._line += data[at : end or len(data)]
            at = end or len(data)
            if len(self._line) > MOST_BYTES:
                raise NotHttp("a line between chunks is too long")
            if end:
                self._take_line(self._line.strip())
                self._line = b""
        return at

    def _take_line(self, line: bytes) -> None:
        if self._expects == "trailer":
            self.done = not line
        elif self._expects == "end":
            if line:
                raise NotHttp("a chunk is longer than it said")
            self._expects = "size"
        else:
            self._left = _number(line.partition(b";")[0].strip(), 16)
            self._expects = "end" if self._left else "trailer"


@dataclass(frozen=True)
class RequestHead:
    """The head of a request, and all of it that matters to whoever passes it on."""

    raw: bytes
    method: str
    path: str
    """As it was written, without scheme, authority and query."""
    body: MessageBody
    expects_continue: bool
    keeps_alive: bool


@dataclass(frozen=True)
class Response:
    """The head of a response."""

    raw: bytes
    status: int
    body: MessageBody


def request_in(buffer: bytes) -> RequestHead | None:
    """The request that begins there; None while its head is not whole. Raises NotHttp."""
    if buffer and not _TOKEN_BYTE.match(buffer):
        raise NotHttp("no method")
    line = _REQUEST_LINE.fullmatch(_first_line(buffer) or b"GET / HTTP/1.1")
    if line is None:
        raise NotHttp("no request line")
    raw = _head(buffer)
    if raw is None:
        return None
    fields = _fields(raw)
    tokens = _tokens(fields, b"connection")
    return RequestHead(
        raw,
        line[1].decode(),
        _AUTHORITY.sub(b"", line[2]).partition(b"?")[0].decode("latin-1") or "/",
        _framing(fields) or CountedBody(0),
        b"100-continue" in _tokens(fields, b"expect"),
        b"close" not in tokens if line[3] == b"1" else b"keep-alive" in tokens,
    )


def response_in(buffer: bytes, method: str) -> Response | None:
    """The response to a request of that method; None while its head is not whole. Raises NotHttp."""
    line = _STATUS_LINE.fullmatch(_first_line(buffer) or b"HTTP/1.1 200 OK")
    if line is None:
        raise NotHttp("no status line")
    raw = _head(buffer)
    if raw is None:
        return None
    status = int(line[1])
    empty = method == "HEAD" or status < 200 or status in _BODILESS
    return Response(raw, status, CountedBody(0) if empty else _framing(_fields(raw)) or Endless())


def _first_line(buffer: bytes) -> bytes | None:
    end = buffer.find(b"\n", 0, MOST_BYTES)
    return None if end < 0 else buffer[:end].rstrip(b"\r")


def _head(buffer: bytes) -> bytes | None:
    match = _HEAD_END.search(buffer, 0, MOST_BYTES)
    if match is None and len(buffer) >= MOST_BYTES:
        raise NotHttp("the head is too long")
    return None if match is None else buffer[: match.end()]


def _fields(raw: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for line in raw.splitlines()[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            key = name.strip().lower()
            found[key] = found[key] + b"," + value.strip() if key in found else value.strip()
    return found


def _tokens(fields: dict[bytes, bytes], name: bytes) -> set[bytes]:
    return {token.strip() for token in fields.get(name, b"").lower().split(b",")}


def _framing(fields: dict[bytes, bytes]) -> MessageBody | None:
    """As the head says; None when it says nothing. Chunks go before a length (section 6.3)."""
    if b"transfer-encoding" in fields:
        return Chunked() if fields[b"transfer-encoding"].lower().endswith(b"chunked") else Endless()
    if b"content-length" in fields:
        lengths = {length.strip() for length in fields[b"content-length"].split(b",")}
        if len(lengths) > 1:
            raise NotHttp("several lengths")
        return CountedBody(_number(lengths.pop(), 10))
    return None


def _number(text: bytes, base: int) -> int:
    # Stricter than int(), which takes signs, underscores and "0x".
    if not re.fullmatch(rb"[0-9]{1,18}" if base == 10 else rb"[0-9a-fA-F]{1,15}", text):
        raise NotHttp(f"not a length: {text[:20]!r}")
    return int(text, base)
