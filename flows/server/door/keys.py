"""What opens the door: a secret in a file that only its owner reads, and what is made from it.

1. secret  `chaoslab-PORT:TOKEN`, as Prefect's clients send it (HTTP Basic, PREFECT_API_AUTH_STRING)
2. link    a key that works once, within ten minutes, and gets a browser its cookie
3. cookie  an expiry and its HMAC-SHA256 under the secret, so that nothing needs to be remembered
"""

import base64
import hashlib
import hmac
import os
import secrets
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LINK_WORKS_S = 600.0
COOKIE_WORKS_S = 30 * 24 * 3600
MARK = "x-chaoslab-door"
"""The header by which a server says which secret opens it, without giving it away."""


@dataclass(frozen=True, slots=True)
class Keys:
    """All that opens the server at one port."""

    secret: str = field(repr=False)
    port: int
    folder: Path

    @classmethod
    def load(cls, folder: Path) -> "Keys | None":
        """Those of the server that keeps its files there; None without a secret that nobody else could have read."""
        try:
            with open(_file(folder), opener=_unfollowed) as file:
                held, text = os.fstat(file.fileno()), file.read(1000).strip()
        except (OSError, ValueError):
            return None
        port = text.partition(":")[0].removeprefix("chaoslab-")
        private = held.st_uid == os.getuid() and stat.S_IMODE(held.st_mode) & 0o077 == 0
        if not private or not (port.isascii() and port.isdigit() and len(port) < 6):
            return None
        return cls(text, int(port), folder)

    @classmethod
    def kept_or_made(cls, folder: Path, port: int) -> "Keys":
        """The ones that are there, or new ones. Raises OSError.

        Another port gets another secret: whoever sat at the old one may have been told that by a client of ours.
        """
        found = cls.load(folder)
        if found is not None and found.port == port:
            return found
        made = cls(f"chaoslab-{port}:{secrets.token_urlsafe(32)}", port, folder)
        draft = _file(folder).with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{made.secret}\n")
        draft.replace(_file(folder))
        return made

    @property
    def mark(self) -> str:
        """What tells a server that these keys open from every other one."""
        return self._mac("mark")[:32]

    def basic(self) -> str:
        """The value of an Authorization header that opens."""
        return f"Basic {base64.b64encode(self.secret.encode()).decode()}"

    def is_basic(self, header: str) -> bool:
        """Whether that header opens."""
        scheme, _, value = header.partition(" ")
        return scheme.lower() == "basic" and _same(value.strip(), self.basic().partition(" ")[2])

    def is_secret(self, said: object) -> bool:
        """Whether it is the secret itself."""
        return isinstance(said, str) and _same(said, self.secret)

    @property
    def cookie_name(self) -> str:
        """Browsers do not tell cookies of two ports apart."""
        return f"chaoslab-{self.port}"

    def cookie(self, now: float) -> str:
        """A new one, at this moment (seconds since 1970)."""
        until = str(int(now) + COOKIE_WORKS_S)
        return f"{until}.{self._mac(f'cookie {until}')}"

    def is_cookie(self, value: str, now: float) -> bool:
        """Whether it was made by `cookie`, and not too long ago."""
        until, _, mac = value.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < 12):
            return False
        return _same(mac, self._mac(f"cookie {until}")) and now < int(until)

    def link(self) -> str:
        """A new address that opens the door to one browser. Raises OSError."""
        self._forget_old_links()
        key = secrets.token_urlsafe(24)
        (self.folder / "links").mkdir(mode=0o700, exist_ok=True)
        self._link_file(key).touch(mode=0o600)
        return f"http://127.0.0.1:{self.port}/door?key={key}"

    def takes_link(self, key: str) -> bool:
        """Whether that key of a link opens; it does not do so again."""
        file = self._link_file(key)
        try:
            fresh = time.time() - file.stat().st_mtime < LINK_WORKS_S
            file.unlink()  # of two at once only one succeeds
        except OSError:
            return False
        return fresh

    def _link_file(self, key: str) -> Path:
        return self.folder / "links" / hashlib.sha256(key.encode(errors="replace")).hexdigest()

    def _forget_old_links(self) -> None:
        for file in (self.folder / "links").glob("*"):
            with suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime > LINK_WORKS_S:
                    file.unlink()

    def _mac(self, what: str) -> str:
        return hmac.new(self.secret.encode(), f"chaoslab {what}".encode(), "sha256").hexdigest()


def _file(folder: Path) -> Path:
    return folder / "secret"


def _unfollowed(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def _same(given: str, right: str) -> bool:
    """Compared so that the time it takes tells nothing."""
    return hmac.compare_digest(given.encode(errors="replace"), right.encode())
