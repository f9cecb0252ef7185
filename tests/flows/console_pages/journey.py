"""What somebody does who comes for the first time, by keyboard alone: from the list to a verdict."""

from playwright.sync_api import Page, expect

from tests.browser_fixture import Browser, Seen
from tests.flows.console.served import Console
from tests.flows.console_pages.looking import quiet, settled


def first_visit(pages: Console, browser: Browser) -> str:
    """The id of the run."""
    return str(browser.visit(pages.url, quiet(_look)))


def _look(page: Page, seen: Seen) -> str:
    settled(page)
    page.keyboard.press("n")
    expect(page.locator("h1")).to_have_text("New run")
    expect(page.locator("h1")).to_be_focused()
    page.get_by_label("Hold").fill("5s")
    expect(page.get_by_text("3 s baseline · 5 s fault · 3 s recovery")).to_be_visible()
    assert "hold=5s" in page.url
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/runs/*-*")
    expect(page.locator("[data-charts]")).to_be_visible()
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("[data-verdict]")).to_be_visible()
    expect(page.locator("h1")).to_be_focused()  # the verdict takes none, and loses none
    page.get_by_role("button", name="Show as a table").click()
    return page.url.rpartition("/")[2]
