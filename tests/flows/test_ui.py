"""What a person sees of a run in the Prefect UI, in a real browser."""

from pathlib import Path
from uuid import UUID

from playwright.sync_api import Page, expect

from chaos.analysis.result import Result
from flows.server import api as server
from tests.browser_fixture import Browser, Seen
from tests.browser_fixture import browser as browser
from tests.flows.let_in import let_in
from tests.flows.patience import client
from tests.flows.test_experiment import STAGES

WIDE = {"viewport": {"width": 1400, "height": 1200}}


def test_the_page_of_a_run_names_state_stages_and_artifacts(browser: Browser, deviated: Result) -> None:
    def look(page: Page, seen: Seen) -> None:
        expect(page.get_by_text("Deviated", exact=True).first).to_be_visible()
        expect(page.get_by_text(f"killed-{deviated.run_id[-6:]}").first).to_be_visible()
        expect(page.get_by_text("team:flows").first).to_be_visible()
        expect(page.get_by_text("fault injected: process_kill").first).to_be_visible()
        page.get_by_text("Task Runs", exact=True).first.click()
        for stage in STAGES:
            expect(page.get_by_role("link", name=stage, exact=True).first).to_be_visible()
        page.get_by_text("Artifacts", exact=True).first.click()
        for what in ("progress", "verdict", "steady-states", "steps", "report"):
            expect(page.get_by_text(f"killed-{what}", exact=True).first).to_be_visible()
        assert seen.errors == []

    assert deviated.links.prefect is not None
    let_in(browser, deviated.links.prefect, look, **WIDE)


def test_the_verdicts_page_shows_why_and_draws_the_latency(
    browser: Browser, deviated: Result, prefect_server: server.Api, tmp_path: Path
) -> None:
    def look(page: Page, seen: Seen) -> int:
        expect(page.get_by_role("heading", name="killed: deviated")).to_be_visible()
        expect(page.get_by_text(deviated.why).first).to_be_visible()
        expect(page.get_by_role("heading", name="Steady states")).to_be_visible()
        picture = page.get_by_role("img", name="Latency over time")
        expect(picture).to_be_visible()
        width: int = picture.evaluate("image => image.naturalWidth")
        return width

    url = page_of("killed-verdict", deviated.links.prefect, prefect_server)
    assert let_in(browser, url, look, **WIDE) > 300


def page_of(key: str, flow_run: str | None, api: server.Api) -> str:
    """The address of that artifact of a flow run, whose own page is `flow_run`."""
    assert flow_run is not None
    mine = {"flow_run_id": {"any_": [flow_run.rsplit("/", 1)[1]]}, "key": {"any_": [key]}}
    with client(api.url) as asking:
        [found] = asking.post("/artifacts/filter", json={"artifacts": mine}).json()
    return f"{api.ui_url}/artifacts/artifact/{UUID(found['id'])}"
