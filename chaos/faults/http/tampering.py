"""What is done to which requests. Pure."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from importlib.util import find_spec
from random import Random
from typing import Any, Literal, NamedTuple

from chaos.faults.http.messages import RequestHead

Mode = Literal["status", "delay", "abort", "truncate", "close"]


def h2_is_missing() -> str | None:
    """Why HTTP/2 cannot be read here; None when it can. It goes into the sandbox with the agent."""
    if find_spec("h2") is not None:
        return None
    return "protocol http2 needs the Python package h2 beside ChaosLab: pip install h2"


class StreamRequest(NamedTuple):
    """What is known of a request of HTTP/2."""

    method: str
    path: str


@dataclass(frozen=True)
class Tampering:
    """Requests of `method` (None: any) whose path begins with `path` match; a `share` of them is tampered with."""

    mode: Mode
    path: str
    method: str | None
    share: float
    status: int
    retry_after_s: float | None
    delay_s: float
    streams: bool = False
    """Whether it is HTTP/2 that is read."""
    grpc_status: int | None = None
    """What is answered to a call of gRPC instead of `status`."""

    def arguments(self) -> dict[str, Any]:
        """What goes to a helper as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> "Tampering":
        """The inverse of `arguments`."""
        return cls(**arguments)

    def matches(self, request: RequestHead | StreamRequest) -> bool:
        """Whether the request is one of those meant."""
        return self.method in (None, request.method) and request.path.startswith(self.path)

    def answer(self, request: RequestHead, *, closes: bool) -> bytes:
        """The whole response that is given instead (mode `status`)."""
        status = HTTPStatus(self.status)
        body = f"{status.value} {status.phrase}\n".encode()
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", "Content-Type: text/plain"]
        lines.append(f"Content-Length: {len(body)}")
        if self.retry_after_s is not None:
            lines.append(f"Retry-After: {math.ceil(self.retry_after_s)}")
        lines.append(f"Connection: {'close' if closes else 'keep-alive'}")
        head = "\r\n".join([*lines, "", ""]).encode()
        return head if request.method == "HEAD" else head + body

    def streamed(self, request: StreamRequest) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The same in HTTP/2: headers and body; of gRPC the headers are the trailers, too ("Trailers-Only")."""
        if self.grpc_status is not None:
            fields = {
                ":status": "200",
                "content-type": "application/grpc",
                "grpc-status": str(self.grpc_status),
            }
            return [(name.encode(), value.encode()) for name, value in fields.items()], b""
        status = HTTPStatus(self.status)
        body = f"{status.value} {status.phrase}\n".encode()
        fields = {
            ":status": str(status.value),
            "content-type": "text/plain",
            "content-length": str(len(body)),
        }
        if self.retry_after_s is not None:
            fields["retry-after"] = str(math.ceil(self.retry_after_s))
        headers = [(name.encode(), value.encode()) for name, value in fields.items()]
        return headers, b"" if request.method == "HEAD" else body


@dataclass
class Dice:
    """Which of the matching requests are meant: each by its own throw, so a retry has its own chance."""

    tampering: Tampering
    random: Random
    requests: int = 0
    matched: int = 0
    faulted: int = 0
    ended: bool = field(default=False)
    """After that nothing is tampered with."""

    def meant(self, request: RequestHead | StreamRequest) -> bool:
        """Throw for one request."""
        self.requests += 1
        if self.ended or not self.tampering.matches(request):
            return False
        self.matched += 1
        return self.random.random() < self.tampering.share

    def counts(self) -> dict[str, int]:
        """So far: all requests, those that matched, those that were tampered with."""
        return {"requests": self.requests, "matched": self.matched, "faulted_requests": self.faulted}
