"""Remote-write store: one request of remote write 1.0, and what its answer means.

Source: https://prometheus.io/docs/specs/prw/remote_write_spec/. 5xx and 429 may be sent again, any other 4xx must not
be. One exception: Prometheus before 2.43 says 500 `too old sample` to what it will never take.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Self
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import httpx

from chaos import __version__
from chaos.errors import PublishError
from chaos.publish.prometheus.protobuf import write_request
from chaos.publish.prometheus.samples import Sample
from chaos.settings import Settings

PATIENCE_S = 30.0
_CONNECT_S = 3.0
_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": f"chaoslab/{__version__}",
}
_NEVER = ("too old sample", "out of bounds")


class StoreOutcome(StrEnum):
    """What became of a request."""

    TAKEN = "taken"
    NOT_THESE = "not these"
    """It takes samples, but not all of these; sending them again is no use."""
    NOT_NOW = "not now"
    """Down, slow or busy: the same request may be taken later."""
    NOTHING = "nothing"
    """It takes nothing from us: wrong address, wrong credentials."""


class StoreAnswer(NamedTuple):
    """What it said, and why, for people."""

    said: StoreOutcome
    why: str = ""


class Store:
    """One address; use it from one thread, in a `with` block."""

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = _parts(url)
        host = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        """Without its credentials."""
        self.shown = urlunsplit((parts.scheme, host, parts.path, "", ""))
        """For people: a query may carry a key."""
        named = (
            (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
        )
        headers = _HEADERS | ({"Authorization": f"Bearer {token}"} if token and named is None else {})
        self._client = httpx.Client(auth=named, headers=headers)

    @classmethod
    def configured(cls, settings: Settings) -> Self:
        """The one that the environment names. Raises PublishError."""
        if settings.metrics_store is None:
            raise PublishError("there is no metrics store: set PROMETHEUS_REMOTE_WRITE_URL or PROMETHEUS_URL")
        token = settings.prometheus_token
        return cls(settings.metrics_store, token.get_secret_value() if token else None)

    def send(self, samples: Sequence[Sample], within_s: float = PATIENCE_S) -> StoreAnswer:
        """One request. Every failure is an answer."""
        body = snappy(write_request(samples))
        timeout = httpx.Timeout(within_s, connect=min(_CONNECT_S, within_s))
        try:
            response = self._client.post(self.url, content=body, timeout=timeout)
        except httpx.TimeoutException:
            return StoreAnswer(StoreOutcome.NOT_NOW, f"{self.shown} did not answer in time")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return StoreAnswer(
                StoreOutcome.NOT_NOW, f"{self.shown} cannot be reached: {_first_line(str(error))}"
            )
        return _answer(response, self.shown)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End its connections."""
        self._client.close()


def _parts(url: str) -> SplitResult:
    """Of an address that can be one. Raises PublishError, which does not repeat it: it may carry a password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise PublishError(
            "PROMETHEUS_REMOTE_WRITE_URL or PROMETHEUS_URL is no address: http(s)://host:port/…"
        )
    return parts


def _answer(response: httpx.Response, shown: str) -> StoreAnswer:
    code = response.status_code
    if response.is_success:
        return StoreAnswer(StoreOutcome.TAKEN)
    words = _first_line(response.text)
    why = f"{shown} said {code} {response.reason_phrase}{f': {words}' if words else ''}"
    if code in (400, 409, 413, 422) or any(each in words for each in _NEVER):
        return StoreAnswer(StoreOutcome.NOT_THESE, why)
    if code == 429 or code >= 500:
        return StoreAnswer(StoreOutcome.NOT_NOW, why)
    return StoreAnswer(StoreOutcome.NOTHING, why)


def snappy(body: bytes) -> bytes:
    """The only place that knows who compresses. Raises PublishError."""
    try:
        from cramjam import snappy as compressor
    except ImportError as error:
        raise PublishError("remote write needs cramjam: pip install 'chaoslab[grafana]'") from error
    return bytes(compressor.compress_raw(body))


def _first_line(text: str) -> str:
    """What a person needs of an answer."""
    return next(iter(text.strip().splitlines()), "")[:200]
