"""What may come over the wire from a model's server: bodies up to a bound while they are read, plain JSON, no redirect.

The SDK's client is given one of these. It follows no redirect, so that evidence goes to the address that was set and no
other; it asks for no compression, and takes none, so that a small body stays small.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import inf
from time import time

import httpx

MOST_BYTES = 2**20
"""An answer of 1,500 tokens is 6 KB; a list of models 50 KB."""
LONGEST_WAIT_S = 86_400.0


class TooLongError(httpx.HTTPError):
    """A body longer than any answer."""


class PackedError(httpx.HTTPError):
    """A body that is packed although nobody asked for that."""


class _Bounded(httpx.AsyncByteStream):
    """A body that ends with an error once it is too long."""

    def __init__(self, body: httpx.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._body:
            read += len(part)
            if read > MOST_BYTES:
                raise TooLongError(f"more than {MOST_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        """Close the connection's side of it."""
        await self._body.aclose()


async def _bound(response: httpx.Response) -> None:
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise PackedError("a packed body")
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _Bounded(response.stream)


def client(timeout_s: float) -> httpx.AsyncClient:
    """A client that reads no more than it must, from nowhere but where it was sent."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)),
        headers={"Accept-Encoding": "identity"},
        follow_redirects=False,
        event_hooks={"response": [_bound]},
    )


def parsed(body: bytes) -> object:
    """JSON as plain values. Raises ValueError, for what is nested too deeply, too."""
    try:
        found: object = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return found


def retry_after_s(said: str) -> float | None:
    """Seconds to wait, told as seconds or as a moment (RFC 9110, 10.2.3); None when it says neither."""
    said = said.strip()
    try:
        wait_s = float(said) if said.isascii() and said.replace(".", "", 1).isdigit() else _until_s(said)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, wait_s), LONGEST_WAIT_S) if wait_s < inf else None


def _until_s(said: str) -> float:
    at = parsedate_to_datetime(said)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - time()
