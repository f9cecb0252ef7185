"""Every page in its five states; for everybody; and whatever an app writes stays text."""

import json

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser_fixture import Browser, Seen
from tests.flows.console.served import Console
from tests.flows.console_pages.looking import PAGES, answered, hostile, settled, violations

pytestmark = pytest.mark.timeout(600)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
LISTS = {
    "/": "/experiments",
    "/runs": "/runs?*",
    "/repositories": "/repositories",
    "/game-days": "/game-days",
    "/doctor": "/workers",
}
BROKEN = {
    "type": "/problems/prefect-away",
    "title": "The Prefect server does not answer",
    "status": 503,
    "detail": "it was asked for 5 s",
    "remedy": "chaoslab up",
}
HOSTILE = (
    '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>',
    "</textarea></script><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "\x1b[2J\x1b]0;pwned\x07 red \x1b[31m",
    "\u202egnp.exe\u2066\u200b\ufeff",
    "{{constructor.constructor('window.pwned=1')()}}",
    "A" * 100_000,
)
KEPT = (
    "id", "run_id", "state", "verdict", "outcome", "created_at", "started_at", "ended_at", "severity", "kind",
    "by_model", "journal", "self", "status", "at",
)  # fmt: skip


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_is_for_everybody(pages: Console, browser: Browser, viewport: dict[str, int]) -> None:
    def look(page: Page, seen: Seen) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in PAGES:
            page.goto(pages.url + path)
            settled(page)
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                found[f"{path} {theme}"] = violations(page)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            found[f"{path} sideways"] = [f"{wide} px too wide"] if wide > 0 else []
        assert seen.errors == []
        return found

    found = browser.visit(pages.url, look, viewport=viewport, reduced_motion="reduce")
    assert {where: wrong for where, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(("path", "asked"), LISTS.items())
def test_every_list_says_what_it_is_in_each_state(
    pages: Console, browser: Browser, path: str, asked: str
) -> None:
    def look(page: Page, seen: Seen) -> None:
        waiting: list[Route] = []
        page.route(f"**/api/v1{asked}", lambda route: waiting.append(route))  # noqa: PLW0108 playwright wants a function
        page.goto(pages.url + path)
        expect(page.locator("[data-state=loading]")).to_be_visible()
        assert violations(page) == []
        answered(page, asked, {"items": [], "next": None})  # what is said last counts
        for route in waiting:
            route.fulfill(json={"items": [], "next": None})
        expect(page.locator("[data-state=empty]")).to_be_visible()
        page.unroute(f"**/api/v1{asked}")
        answered(page, asked, BROKEN, 503)
        expect(page.locator("[data-state=stale]")).to_be_visible()
        page.reload()
        problem = page.locator("[data-state=error]")
        expect(problem).to_contain_text("The Prefect server does not answer")
        expect(problem).to_contain_text("chaoslab up")
        assert violations(page) == []
        page.unroute(f"**/api/v1{asked}")
        problem.get_by_role("button", name="Try again").click()
        expect(problem).to_have_count(0)

    browser.visit("about:blank", look)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:14]))
def test_what_an_app_writes_is_text(pages: Console, browser: Browser, judged: str, text: str) -> None:
    paths = (f"/runs/{judged}", f"/runs/{judged}/result", "/runs?limit=1", "/experiments")
    recorded = {path: pages.get(path) for path in paths}
    stream = "".join(
        f"event: {kind}\ndata: {json.dumps(data)}\n\n"
        for kind, data in (
            ("log", {"segment": 1, "t": 1.0, "process": text, "stream": "stderr", "line": text}),
            ("mark", {"segment": 1, "t": 1.0, "what": "x", "words": text, "step": text}),
            ("end", {"verdict": "held"}),
        )
    )

    def look(page: Page, seen: Seen) -> None:
        for path, body in recorded.items():
            answered(page, path.replace("?limit=1", "?*"), hostile(body, text, KEPT))
        page.route("**/events*", lambda route: route.fulfill(content_type="text/event-stream", body=stream))
        page.goto(f"{pages.url}/runs/{judged}")
        settled(page)
        expect(page.get_by_role("region", name="Log").locator("p")).not_to_have_count(0)
        shown = page.inner_text("#main")
        for path in ("/", "/runs"):
            page.goto(pages.url + path)
            settled(page)
            shown += page.inner_text("#main")
        assert page.evaluate("window.pwned") is None
        assert page.evaluate("document.querySelectorAll('#main img, #main script').length") == 0
        assert not page.evaluate("[...document.links].some(each => each.protocol === 'javascript:')")
        assert not set(shown) & set("\x1b\x07\u202e\u2066\u200b\ufeff")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert seen.errors == []

    browser.visit("about:blank", look)
