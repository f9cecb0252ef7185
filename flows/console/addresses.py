"""Which requests are meant for this console: its own address, and no page of another origin.

As `flows.server.door.rules`, with three differences: hosts may be configured, a navigation from elsewhere may show a
page (not the API), and what is refused is told as a problem.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.console.problems import Refused
from flows.server.door.ports import HOST
from flows.server.door.rules import Asked

OURS = ("/api/", "/experiment/")
"""Where the API is; everything else is a page."""
_SAFE = ("GET", "HEAD", "OPTIONS")


def own_hosts(port: int, configured: Sequence[str] = ()) -> tuple[str, ...]:
    """What a Host header may say, in lower case."""
    return (
        *(f"{host}:{port}" for host in (HOST, "localhost", "[::1]")),
        *(each.lower() for each in configured),
    )


@dataclass(frozen=True, slots=True)
class Addresses:
    """The hosts that lead here, and the other origins whose pages may ask."""

    hosts: tuple[str, ...]
    origins: tuple[str, ...] = ()

    def check(self, asked: Asked) -> None:
        """Raises Refused for what is not meant for us, or comes from a page that is not ours."""
        if not asked.target.startswith("/"):
            raise Refused("bad-request", "only paths of this server are answered; this is no proxy")
        found = asked.all("host")
        if len(found) != 1:
            raise Refused("bad-request", "exactly one Host header is needed")
        host = found[0].strip().lower()
        if host not in self.hosts:
            raise Refused("misdirected", f"this server is {' or '.join(self.hosts)}")
        self._check_origin(asked, host)

    def _check_origin(self, asked: Asked, host: str) -> None:
        origins = asked.all("origin")
        if origins and not (len(origins) == 1 and self._is_ours(origins[0], host)):
            raise Refused("cross-origin", "pages of other origins may not use this server")
        if origins and origins[0] in self.origins:
            return
        sites = asked.all("sec-fetch-site")
        if sites in ([], ["same-origin"], ["none"]):
            return
        page = asked.navigates and not f"{asked.path}/".startswith(OURS)
        if not (sites in (["cross-site"], ["same-site"]) and page):
            raise Refused("cross-origin", "pages of other sites may not use this server")

    def _is_ours(self, origin: str, host: str) -> bool:
        return origin in (f"http://{host}", f"https://{host}") or origin in self.origins


def changes(asked: Asked) -> bool:
    """Whether it may change something."""
    return asked.method not in _SAFE
