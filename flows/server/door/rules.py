"""Which requests belong to this server's own address, whoever sends them.

A page of another site may make a browser send requests here, and a host name of its own may lead here (DNS rebinding).
Both show in what a browser says of a request by itself: Host, Origin, Sec-Fetch-Site. Sources: RFC 9110, 7.2; RFC 6454,
7; W3C "Fetch Metadata Request Headers".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.server.door.ports import HOST

API = "/api"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, or the request to become a WebSocket, as far as it tells where it comes from."""

    method: str
    target: str
    """As it was sent: origin-form begins with a slash, absolute-form does not (RFC 9112, 3.2)."""
    path: str
    """What the app behind understands by it."""
    headers: tuple[tuple[str, str], ...]
    """By names in lower case, repeated ones each."""
    websocket: bool = False

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "Asked":
        """That of an ASGI scope of type http or websocket."""
        sent = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        target, upgrade = scope["raw_path"].decode("latin-1"), scope["type"] == "websocket"
        return cls(scope.get("method", "GET"), target, scope["path"], tuple(sent), upgrade)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for each, value in self.headers if each == name]

    def first(self, name: str) -> str:
        """The value of a header; empty when it is not there."""
        return next(iter(self.all(name)), "")

    @property
    def navigates(self) -> bool:
        """Whether a browser is about to show the answer as a page of its own."""
        return (
            not self.websocket
            and self.method in ("GET", "HEAD")
            and self.first("sec-fetch-mode") == "navigate"
            and self.first("sec-fetch-dest") == "document"
        )

    @property
    def of_api(self) -> bool:
        """Whether it is for the API, not for the pages."""
        return self.path == API or self.path.startswith(f"{API}/")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered, and the HTTP status for it."""

    status: int
    why: str


def addresses(port: int) -> tuple[str, ...]:
    """What a Host header may say, the usual one first."""
    return tuple(f"{host}:{port}" for host in (HOST, "localhost", "[::1]"))


def refusal(asked: Asked, port: int) -> Refusal | None:
    """Why this request cannot be meant for the server at this port; None when it can."""
    if not asked.target.startswith("/"):
        return Refusal(400, "only paths of this server are answered; this is no proxy")
    hosts, origins = asked.all("host"), asked.all("origin")
    if len(hosts) != 1:
        return Refusal(400, "exactly one Host header is needed")
    host = hosts[0].strip().lower()
    if host not in addresses(port):
        known = " or ".join(addresses(port))
        return Refusal(421, f"this server is {known}; forward a port to the same number")
    if origins and origins != [f"http://{host}"]:
        return Refusal(403, "pages of other origins may not use this server")
    sites = asked.all("sec-fetch-site")
    if sites in ([], ["same-origin"], ["none"]):
        return None
    if sites in (["cross-site"], ["same-site"]) and asked.navigates and not asked.of_api:
        return None  # somebody followed a link to a page
    return Refusal(403, "pages of other sites may not use this server")


def changes(asked: Asked) -> bool:
    """Whether it may change something, so that a browser must have said that our own page sent it."""
    return asked.websocket or asked.method not in ("GET", "HEAD")


def says_our_page_sent_it(asked: Asked) -> bool:
    """Whether the browser said so; an Origin is ours when `refusal` let it pass."""
    return bool(asked.all("origin")) or asked.first("sec-fetch-site") == "same-origin"
