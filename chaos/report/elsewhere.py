"""Links of a run to other places: its dashboard in Grafana, embedded if wanted, and what did not arrive."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from chaos.analysis.result import Delivery, Links


class EmbeddedPage(NamedTuple):
    """A page within the page."""

    url: str
    origin: str
    """That the page's policy has to allow."""


class DeliveredElsewhere(Protocol):
    """What a run or a game day has elsewhere."""

    @property
    def links(self) -> Links: ...

    @property
    def delivery(self) -> Mapping[str, Delivery]: ...


def link(result: DeliveredElsewhere) -> str | None:
    """The dashboard's address; nothing that a browser would run instead of opening."""
    return openable(result.links.dashboard)


def lines(result: DeliveredElsewhere) -> Iterator[str]:
    """What a terminal says of it."""
    if result.links.dashboard:
        yield f"  grafana {result.links.dashboard}"
    for what, delivery in undelivered(result):
        later = f"; later: {delivery.later}" if delivery.later else ""
        yield f"  missing {what}: {delivery.why}{later}"
    if result.links.prefect:
        yield f"  prefect {result.links.prefect}"


def openable(link: str | None) -> str | None:
    """That address, if a browser opens it and does nothing else with it."""
    return link if link and link.startswith(("http://", "https://")) else None


def frame(result: DeliveredElsewhere, *, embed: bool) -> EmbeddedPage | None:
    """The dashboard without Grafana's menus around it."""
    url = link(result)
    if not embed or url is None:
        return None
    place = urlsplit(url)
    origin = f"{place.scheme}://{place.netloc}"
    return EmbeddedPage(f"{url}{'&' if place.query else '?'}kiosk", origin) if _plain(origin) else None


def undelivered(result: DeliveredElsewhere) -> list[tuple[str, Delivery]]:
    """(what, delivery) of everything that did not arrive as a whole."""
    return [(what, each) for what, each in result.delivery.items() if not each.complete]


def _plain(origin: str) -> bool:
    """Whether it is one source to a content security policy: nothing in it ends it and begins another."""
    return origin.isascii() and not set(origin) & set(" ;,'\"*")
