"""One HTTP/1.1 request as bytes, and its response read as it arrives.

Pure: no sockets here. The load generator and the http probe share it, so that both see a response the same
way. Framing follows RFC 9112 section 6: no body after HEAD, 204 and 304, else chunked, else Content-Length,
else up to the end of the connection.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

MAX_HEAD_BYTES = 64 * 1024
# RFC 9110 section 9.2.2: doing these twice is the same as doing them once.
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_IN_A_URL = "/?%:@!$&'()*+,;=~[]"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: .*)?\Z")


class BadResponse(ValueError):
    """What came back is not HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Request:
    """Where to send what. `raw` is the whole request, made once and sent many times."""

    host: str
    port: int
    tls: bool
    method: str
    raw: bytes

    @classmethod
    def of(
        cls, url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> "Request":
        """Build it; raises ValueError for anything but an http or https URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an http or https URL")
        tls = parts.scheme == "https"
        content = None if body is None else body.encode()
        lines = {"host": ("Host", parts.netloc.rpartition("@")[2]), "user-agent": ("User-Agent", "chaoslab")}
        lines["accept"] = ("Accept", "*/*")
        if content is not None:
            lines["content-length"] = ("Content-Length", str(len(content)))
        lines |= {name.lower(): (name, value) for name, value in (headers or {}).items()}
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_IN_A_URL)
        head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.values())]
        raw = "\r\n".join([*head, "", ""]).encode() + (content or b"")
        return cls(parts.hostname, parts.port or (443 if tls else 80), tls, method, raw)

    @property
    def idempotent(self) -> bool:
        """Whether it may be sent again when its first connection died without a word."""
        return self.method in IDEMPOTENT


class ResponseReader:
    """Reads one response: `feed` what arrives, `end` at the end of the connection.

    Keeps at most `keep_bytes` of the body in `body`; `size` counts all of it. `reusable` says, once `done`,
    whether the connection may carry another request.
    """

    def __init__(self, method: str = "GET", keep_bytes: int = 0) -> None:
        self.status = 0
        self.size = 0
        self.body = b""
        self.done = False
        self.started = False
        self._keep = keep_bytes
        self._no_body = method == "HEAD"
        self._keep_alive = False
        self._until_close = False
        self._left = 0
        self._buffer = bytearray()
        self._step: Callable[[], bool] = self._head

    @property
    def reusable(self) -> bool:
        """Whether the connection is left in a state that another request can follow."""
        return self.done and self._keep_alive and not self._buffer and not self._until_close

    def feed(self, arrived: bytes) -> bool:
        """Take what arrived; whether the response is whole. Raises BadResponse."""
        self.started = True
        self._buffer += arrived
        while not self.done and self._step():
            pass
        return self.done

    def end(self) -> bool:
        """The connection ended; whether the response was whole (the only framing that some have)."""
        self.done = self.done or (self._until_close and self.status > 0)
        return self.done

    def _head(self) -> bool:
        match = _HEAD_END.search(self._buffer)
        if match is None:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadResponse("the head is too long")
            return False
        lines = bytes(self._buffer[: match.start()]).splitlines()
        del self._buffer[: match.end()]
        line = _STATUS_LINE.match(lines[0]) if lines else None
        if line is None:
            raise BadResponse("no status line")
        status = int(line[2])
        if status == 101:
            raise BadResponse("switched protocols")
        if status >= 200:  # 100 and 103 come before the real one
            self.status = status
            self._choose_framing(_headers(lines[1:]), persistent=line[1] == b"1")
        return True

    def _choose_framing(self, headers: Mapping[bytes, bytes], *, persistent: bool) -> None:
        tokens = {token.strip() for token in headers.get(b"connection", b"").lower().split(b",")}
        self._keep_alive = b"close" not in tokens if persistent else b"keep-alive" in tokens
        if self._no_body or self.status in (204, 304):
            self.done = True
        elif headers.get(b"transfer-encoding", b"").lower().endswith(b"chunked"):
            self._step = self._chunk_size
        elif b"content-length" in headers:
            self._left = _number(headers[b"content-length"], 10)
            self._step = self._counted
            self.done = self._left == 0
        else:
            self._until_close = True
            self._step = self._everything

    def _take(self, count: int) -> None:
        room = self._keep - len(self.body)
        if room > 0:
            self.body += bytes(self._buffer[: min(room, count)])
        self.size += count
        del self._buffer[:count]

    def _everything(self) -> bool:
        self._take(len(self._buffer))
        return False

    def _counted(self) -> bool:
        count = min(self._left, len(self._buffer))
        self._left -= count
        self._take(count)
        self.done = self._left == 0
        return False

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadResponse("a line is too long")
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line

    def _chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        self._left = _number(line.partition(b";")[0], 16)
        self._step = self._chunk if self._left else self._trailer
        return True

    def _chunk(self) -> bool:
        count = min(self._left, len(self._buffer))
        self._left -= count
        self._take(count)
        if self._left == 0:
            self._step = self._chunk_end
        return self._left == 0

    def _chunk_end(self) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            raise BadResponse("a chunk is longer than it said")
        self._step = self._chunk_size
        return True

    def _trailer(self) -> bool:
        line = self._line()
        self.done = line == b""
        return line is not None


def _headers(lines: list[bytes]) -> dict[bytes, bytes]:
    found = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise BadResponse("a header without a colon")
        found[name.strip().lower()] = value.strip()
    return found


def _number(text: bytes, base: int) -> int:
    # Stricter than int(), which takes signs, underscores and "0x".
    if not re.fullmatch(rb"[0-9]{1,18}" if base == 10 else rb"[0-9a-fA-F]{1,15}", text.strip()):
        raise BadResponse(f"not a length: {text[:20]!r}")
    return int(text, base)
