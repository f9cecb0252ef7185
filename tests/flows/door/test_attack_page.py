"""A web page of a stranger, in a real browser, against the server that our commands start: nothing gets through.

On a server without this door the same page runs commands as the user: docs/decisions/0030.
"""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from flows.server import api as server
from tests.browser_fixture import Browser, Seen
from tests.browser_fixture import browser as browser
from tests.flows.door.attack import ELSEWHERE, Attempts, stranger
from tests.flows.let_in import let_in
from tests.flows.patience import client

REFUSED = {400, 403, 421}


@pytest.fixture
def api(prefect_server: server.Api) -> server.Api:
    """The server, known to hold nothing of the page's."""
    assert left_behind(prefect_server) == {}
    return prefect_server


def left_behind(api: server.Api) -> dict[str, Any]:
    """What a page has made there, by kind."""
    named = {"name": {"like_": "kittens"}}
    with client(api.url) as asking:

        def found(path: str, body: Any) -> Any:
            return asking.post(path, json=body).raise_for_status().json()

        every = {
            "flows": found("/flows/filter", {"flows": named}),
            "deployments": found("/deployments/filter", {"deployments": named}),
            "variables": found("/variables/filter", {"variables": named}),
            "events": found("/events/filter", {"filter": {"event": {"name": ["kittens"]}}})["events"],
        }
    return {kind: what for kind, what in every.items() if what}


@pytest.mark.parametrize(
    ("origin", "logged_in"),
    [("http://127.0.0.1", True), (f"http://{ELSEWHERE}", True), ("http://localhost", False)],
    ids=["another port", "another host", "without a cookie"],
)
def test_a_page_of_another_origin_reaches_nothing(
    browser: Browser, api: server.Api, origin: str, logged_in: bool
) -> None:
    """Also while its browser holds the cookie that opens the door to our own pages."""
    attempts = Attempts(api.ui_url)
    with stranger() as port:
        page = f"{origin}:{port}/"
        got = let_in(browser, page, attempts.made) if logged_in else browser.visit(page, attempts.made)

    assert got == {}
    assert attempts.answers
    assert {status for _, status in attempts.answers} <= REFUSED
    assert left_behind(api) == {}


def test_a_host_name_of_a_stranger_that_leads_here_reaches_nothing(browser: Browser, api: server.Api) -> None:
    """DNS rebinding: for the browser the page and the server are of one origin."""
    here = f"http://{ELSEWHERE}:{httpx.URL(api.ui_url).port}"
    attempts = Attempts(here)

    assert browser.visit(f"{here}/api/health", attempts.made) == {}
    assert len(attempts.answers) > 5
    assert {status for _, status in attempts.answers} == {421}
    assert left_behind(api) == {}


def test_a_person_comes_in_by_a_link_from_anywhere(browser: Browser, api: server.Api) -> None:
    """A report is a file; its link to a run leads from one site to another, where a strict cookie is not sent."""

    def look(page: Page, seen: Seen) -> None:
        page.evaluate("url => { location.href = url }", f"{api.ui_url}/variables")
        expect(page.get_by_text("Variables").first).to_be_visible()
        page.goto(f"http://localhost:{httpx.URL(api.ui_url).port}/variables")
        expect(page.get_by_text("Variables").first).to_be_visible()
        assert page.url.startswith(api.ui_url)

    with stranger() as port:
        let_in(browser, f"http://{ELSEWHERE}:{port}/", look)


def test_a_browser_without_a_link_is_told_where_to_get_one(browser: Browser, api: server.Api) -> None:
    def look(page: Page, seen: Seen) -> None:
        expect(page.get_by_text("chaoslab up")).to_be_visible()
        page.goto(f"http://{ELSEWHERE}:{port}/")
        page.evaluate("url => { location.href = url }", f"{api.ui_url}/runs")
        expect(page.get_by_text("chaoslab up")).to_be_visible()

    with stranger() as port:
        browser.visit(f"{api.ui_url}/runs", look)
