"""From the form to the verdict, by keyboard alone; a run that is stopped; everything halted."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser_fixture import Browser, Seen
from tests.flows.console.served import Console, streamed
from tests.flows.console_pages.looking import quiet, settled, violations

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("idle_pool")]
HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_a_first_visit_is_led_to_a_verdict_without_a_mouse(pages: Console, judged: str) -> None:
    run = pages.get(f"/runs/{judged}")
    assert (run["state"], run["verdict"], run["faults"]) == ("ended", "held", ["network_delay"])
    assert run["started_by"].startswith("console: ")


def test_what_is_shown_of_it_is_what_was_found(pages: Console, browser: Browser, judged: str) -> None:
    id = judged
    result = pages.get(f"/runs/{id}/result")
    frames = [data for _, kind, data in streamed(pages.url, id) if kind == "frame"]

    def look(page: Page, seen: Seen) -> tuple[list[list[str]], list[str]]:
        expect(page.locator("[data-charts]")).to_be_visible()
        expect(page.get_by_text(result["why"]).first).to_be_visible()
        for words in (result["analysis"]["summary"], *result["analysis"]["recommendations"]):
            expect(page.get_by_text(words).first).to_be_visible()
        expect(page.get_by_text("No model took part")).to_be_visible()
        expect(page.get_by_text("no Grafana is configured")).to_be_visible()
        step = result["steps"][0]
        expect(page.get_by_role("region", name="Asked and delivered")).to_contain_text(step["mechanism"])
        page.get_by_role("button", name="Show here").click()
        report = page.frame_locator("iframe[title=Report]")
        expect(report.locator("body")).to_contain_text(result["experiment"])
        expect(page.get_by_text("the trial is over")).to_be_visible()
        page.get_by_role("button", name="Show as a table").click()
        rows = page.get_by_role("region", name="The charts as a table").locator("tbody tr")
        found = rows.evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.textContent))")
        return found, violations(page)

    rows, wrong = browser.visit(f"{pages.url}/runs/{id}", quiet(look))
    assert wrong == []
    assert len(rows) in (int(frames[-1]["t"]), int(frames[-1]["t"]) + 1)
    assert all(row[4] != "–" for row in rows[1:]), "a second of which nothing is shown"


def test_a_run_is_stopped_in_its_fault_phase(pages: Console, browser: Browser) -> None:
    id = pages.post("/runs", {"ad_hoc": {"scenario": "network_delay", "hold": "60s"}})["id"]

    def look(page: Page, seen: Seen) -> None:
        expect(page.locator("[aria-current=step]")).to_have_text("fault")
        expect(page.get_by_text("in place", exact=True)).to_be_visible()
        # The stream is let go while nobody looks, and goes on where it was.
        page.evaluate(HIDE, True)
        expect(page.get_by_text("rests while this tab is hidden")).to_be_visible()
        page.evaluate(HIDE, False)
        expect(page.get_by_text("live", exact=True).last).to_be_visible()
        page.keyboard.press(".")
        page.get_by_label("Reason to stop").fill("seen enough")
        page.keyboard.press("Enter")
        expect(page.locator("[data-verdict=inconclusive]")).to_be_visible()

    browser.visit(f"{pages.url}/runs/{id}", quiet(look))
    result = pages.get(f"/runs/{id}/result")
    assert result["outcome"] == "aborted"
    assert any("seen enough" in each for each in (result["why"], *result["doubts"]))


def test_everything_is_halted_and_goes_on(pages: Console, browser: Browser) -> None:
    def look(page: Page, seen: Seen) -> None:
        settled(page)
        page.get_by_role("button", name="Halt").click()
        page.get_by_label("Reason").fill("incident <b>4711</b>")
        page.get_by_role("button", name="Halt all").click()
        banner = page.get_by_role("alert").filter(has_text="Halted")
        expect(banner).to_contain_text("incident <b>4711</b>")
        page.goto(f"{pages.url}/new")
        expect(page.get_by_text("Experiments are halted.")).to_be_visible()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
        page.get_by_role("button", name="Resume").click()
        expect(banner).to_have_count(0)

    try:
        browser.visit(pages.url, quiet(look))
    finally:
        pages.ask("DELETE", "/halt", 200)
    assert pages.get("/halt")["halted"] is False
