"""What E2B's client raises, as our errors: gone, refused for good, or worth another try.

By the names of the classes, so that nothing has to be imported to be told apart. Three of them are no SandboxException
(a bad key, a busy service, a failed build), a refused connection comes as httpx's own error, a broken one as one of the
two libraries' below, a stream that ends early as a plain Exception, and the answer of somebody on the way who speaks
no JSON as a JSONDecodeError.
"""

import asyncio
import errno
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import TypeVar

from chaos.errors import SandboxError, SandboxLost, SandboxRefused

T = TypeVar("T")

TRIES = 7
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0

_THEIR_PACKAGES = {"e2b", "httpx", "connectrpc", "pyqwest"}
_GONE = {"SandboxNotRunningException", "SandboxNotFoundException"}
_REFUSED = {
    "AuthenticationException",
    "InvalidArgumentException",
    "TemplateException",
    "NotEnoughSpaceException",
}
_PASSING = {
    "RateLimitException",
    "ServiceBusyException",
    "SandboxUnreachableException",
    "TimeoutException",
    "GuestUnresponsiveException",
    "TransportError",  # httpx
}
_REFUSED_STATUS = (400, 401, 403, 404)


class Passing(SandboxError):
    """It did not work this time, and the very same request may work the next time."""


class BuildFailed(Passing):
    """A template could not be built: one of its steps failed."""


class NoSuchFile(SandboxError):
    """What is to be read is not there."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, errno=errno.ENOENT)


@contextmanager
def told(what: str, *secrets: str) -> Iterator[None]:
    """Let errors of E2B's client, and of the network, out as ours; none of the `secrets` is in their words."""
    try:
        yield
    except Exception as error:
        if _is_cancelled():
            raise asyncio.CancelledError from error  # which it had taken for a failure of its request
        kind = _kind(error)
        if kind is None:
            raise
        words = f"e2b: {what}: {_words(error)}"
        for secret in filter(None, secrets):
            words = words.replace(secret, "***")
        raise kind(words) from error


def _is_cancelled() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return False
    return task is not None and task.cancelling() > 0


def _kind(error: Exception) -> type[SandboxError] | None:
    if isinstance(error, SandboxError):
        return None
    kinds = type(error).__mro__
    names = {each.__name__ for each in kinds if each.__module__.partition(".")[0] in _THEIR_PACKAGES}
    if names & _GONE:
        return SandboxLost
    if "FileNotFoundException" in names:
        return NoSuchFile
    if "BuildException" in names:
        return BuildFailed
    if names & _REFUSED or getattr(error, "status_code", None) in _REFUSED_STATUS:
        return SandboxRefused
    if names & _PASSING or isinstance(error, OSError | JSONDecodeError) or type(error) is Exception:
        return Passing
    return Passing if names else None


def _words(error: Exception) -> str:
    """As Python's own for a missing file, because those who read a file go by that name on every provider."""
    name = type(error).__name__
    name = "FileNotFoundError" if name == "FileNotFoundException" else name
    return f"{name}: {error}".strip(": ")


async def patiently(attempt: Callable[[], Awaitable[T]], tries: int = TRIES) -> T:
    """Repeat what may be repeated, while it fails in a way that passes, with pauses that double (0.2 s to 5 s).

    Only for requests that have the same effect once or twice.
    """
    pause_s = _FIRST_PAUSE_S
    for _ in range(tries - 1):
        try:
            return await attempt()
        except Passing:
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    return await attempt()
