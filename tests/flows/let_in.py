"""A browser that comes to our server's pages as a person does: by a link of `chaoslab up`."""

from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import Page

from flows.server import api as server
from tests.browser_fixture import Browser, Seen

T = TypeVar("T")


def let_in(browser: Browser, url: str, look: Callable[[Page, Seen], T], **options: Any) -> T:
    """What `look` returns for the page at `url`; `options` are those of Playwright's `new_context`."""

    def inside(page: Page, seen: Seen) -> T:
        page.goto(url)
        return look(page, seen)

    link = server.link()
    assert link is not None
    return browser.visit(link, inside, **options)
