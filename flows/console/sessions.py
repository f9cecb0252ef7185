"""Logged in with a token: a cookie that names a session of this console's memory, and never holds the token.

It ends after 12 hours, with the console, and with the token: whose it is, is looked up each time.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from threading import Lock
from time import monotonic

COOKIE = "chaoslab_session"
LASTS_S = 12 * 3600
_MOST = 10_000


def digest_of(token: str) -> str:
    """As tokens are kept."""
    return hashlib.sha256(token.strip().encode(errors="replace")).hexdigest()


@dataclass(slots=True)
class Sessions:
    """Those of one console. Safe to use from several threads."""

    clock: Callable[[], float] = monotonic
    _found: "OrderedDict[str, tuple[str, float]]" = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, sha256: str) -> str:
        """A new one of the token with that hash; what the cookie says."""
        made = secrets.token_urlsafe(32)
        with self._lock:
            self._found[digest_of(made)] = (sha256, self.clock() + LASTS_S)
            while len(self._found) > _MOST:
                self._found.popitem(last=False)
        return made

    def token(self, cookies: str) -> str | None:
        """The hash of the token that the session of these cookies began with."""
        with self._lock:
            sha256, until = self._found.get(digest_of(said(cookies)), (None, 0.0))
        return sha256 if self.clock() < until else None

    def end(self, cookies: str) -> None:
        """It opens nothing any more."""
        with self._lock:
            self._found.pop(digest_of(said(cookies)), None)


def said(cookies: str) -> str:
    """What our cookie says; empty when there is none."""
    try:
        found = SimpleCookie(cookies[:8192]).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
