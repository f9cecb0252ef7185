"""Notice requests: what is sent to a receiver, and the result of one attempt. A `Post` is HTTP; mail is in `mail`."""

import email.utils
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pydantic import SecretStr

THREAD = "chaoslab-notice"
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))


class SendAttempt(NamedTuple):
    """What one try came to."""

    why: str | None
    """It was not taken; None when it was."""
    again: bool = False
    """Another one may go better."""
    wait_s: float = 0.0
    """Not before that: the receiver says so."""


class NoticeRequest(Protocol):
    """Something for one receiver."""

    @property
    def who(self) -> str:
        """The variable that names the receiver."""

    def attempt(self, within_s: float) -> SendAttempt:
        """Bring it there once."""


@dataclass(frozen=True, slots=True)
class Post:
    """One request; its address, its headers and its body may hold a secret, so none is ever printed."""

    who: str
    url: SecretStr
    body: bytes
    headers: Mapping[str, str]
    fine: frozenset[int] = frozenset()
    """Statuses besides 2xx that are as good."""

    def __repr__(self) -> str:
        return f"Post({self.who})"

    def attempt(self, within_s: float) -> SendAttempt:
        """Send it. The answer's body is not read."""
        import httpx  # a run that tells nobody begins without it

        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_silent)
        try:
            with httpx.stream(
                "POST",
                self.url.get_secret_value(),
                content=self.body,
                headers=self.headers,
                timeout=within_s,
                follow_redirects=False,
            ) as answer:
                status = answer.status_code
                if answer.is_success or status in self.fine:
                    return SendAttempt(None)
                wait_s = retry_after(answer.headers.get("Retry-After"), time.time())
                return SendAttempt(f"HTTP {status}", status in _AGAIN, wait_s)
        except httpx.TransportError as error:
            return SendAttempt(type(error).__name__, not isinstance(error, httpx.UnsupportedProtocol))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # it may name the address
            return SendAttempt(type(error).__name__)


def retry_after(said: str | None, now: float) -> float:
    """Seconds that a receiver asks to wait, from either form of the header (RFC 9110, 10.2.3); 0 of anything else."""
    if not said:
        return 0.0
    try:
        wait_s = float(said)  # Discord writes fractions
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(said).timestamp() - now
        except (ValueError, OverflowError):
            return 0.0
    return wait_s if 0 < wait_s < float("inf") else 0.0


def _silent(record: logging.LogRecord) -> bool:
    """httpx logs the address of each request, httpcore the answer's headers; ours may hold a secret."""
    return record.threadName != THREAD
