"""Pages of a console whose Prefect is away: who is not known signs in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser_fixture import Browser, Seen
from tests.flows.console.alone import alone
from tests.flows.console.served import Console, token
from tests.flows.console_pages.looking import answered, violations

UNKNOWN = {
    "type": "/problems/unauthenticated",
    "title": "Nobody we know",
    "status": 401,
    "detail": "this console answers its own user, and holders of a token",
    "instance": "/api/v1/house",
    "request_id": "1",
}


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with alone(tmp_path_factory.mktemp("lonely")) as console:
        yield console


def test_who_is_not_known_is_asked_for_a_token_and_let_in(lonely: Console, browser: Browser) -> None:
    made = token("viewer")

    def look(page: Page, seen: Seen) -> list[str]:
        answered(page, "/house", UNKNOWN, 401)
        page.goto(f"{lonely.url}/runs?q=shop")
        expect(page.locator("h1")).to_have_text("Sign in")
        found = violations(page)
        page.emulate_media(color_scheme="dark")
        found += violations(page)
        page.get_by_label("Token").fill("of nobody")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("this token does not open")
        page.unroute("**/api/v1/house")
        page.get_by_label("Token").fill(made)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("History")
        assert page.url.endswith("/runs?q=shop")
        expect(page.get_by_role("button", name="Halt")).to_have_count(0)  # a viewer's page draws none
        cookies = page.context.cookies()
        assert [(each["httpOnly"], each["sameSite"]) for each in cookies] == [(True, "Strict")]
        assert made not in page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
        assert [each for each in seen.requests if made in each] == []
        return found

    assert browser.visit("about:blank", look) == []
