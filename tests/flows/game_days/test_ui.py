"""What a person sees of a game day in the Prefect UI, in a real browser."""

import asyncio

import pytest
from playwright.sync_api import Page, expect

from chaos.game_days.comparison import day_in
from chaos.game_days.learnt import DayReport
from flows.game_day.flow import game_day
from flows.server import api as server
from tests.browser_fixture import Browser, Seen
from tests.browser_fixture import browser as browser
from tests.flows.game_days.a_day import write_day
from tests.flows.let_in import let_in
from tests.flows.test_ui import page_of

PATIENCE_MS = 60_000
"""Of a machine under load, until a page has what it asks for."""
WIDE = {"viewport": {"width": 1400, "height": 1200}}
DAY = """
apiVersion: chaoslab/v1
kind: GameDay
metadata: {name: DAYNAME}
spec:
  purpose: Does the server come back?
  onDeviation: continue
  stages:
    - name: it does not
      experiments: [{name: DAYNAME-weak}]
      goNoGo: [{type: verdicts}]
    - name: so never begun
      experiments: [{name: DAYNAME-three}]
"""


@pytest.fixture(scope="module")
def day(prefect_server: server.Api, tmp_path_factory: pytest.TempPathFactory) -> DayReport:
    """A day whose first experiment deviated, after which nothing more was begun."""
    folder = tmp_path_factory.mktemp("day")
    manifest = write_day(folder / "experiments", "rehearsal", DAY)
    asyncio.run(game_day(str(manifest), out=str(folder / "runs"), return_state=True))
    [own] = (each.parent for each in (folder / "runs").glob("*/day.json"))
    report = day_in(own)
    assert report is not None
    return report


def test_the_page_of_a_day_names_its_state_its_experiments_and_its_report(
    browser: Browser, day: DayReport
) -> None:
    def look(page: Page, seen: Seen) -> None:
        expect(page.get_by_text("Deviated", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_text("Subflow Runs", exact=True).first.click()
        for run in day.runs:
            assert run.run_id is not None
            expect(page.get_by_text(f"{run.experiment}-{run.run_id[-6:]}").first).to_be_visible(
                timeout=PATIENCE_MS
            )
        page.get_by_text("Artifacts", exact=True).first.click()
        for what in ("progress", "report", "page"):
            expect(page.get_by_text(f"rehearsal-{what}", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
        assert seen.errors == []

    assert [(run.experiment, str(run.verdict)) for run in day.runs] == [("rehearsal-weak", "deviated")]
    assert day.links.prefect is not None
    let_in(browser, day.links.prefect, look, **WIDE)


def test_the_report_s_page_shows_score_decision_and_the_day_as_a_picture(
    browser: Browser, day: DayReport, prefect_server: server.Api
) -> None:
    def look(page: Page, seen: Seen) -> int:
        expect(page.get_by_role("heading", name="rehearsal: deviated")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("Resilience score").first).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("No go, by verdicts").first).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("Planned, and not run: rehearsal-three").first).to_be_visible(
            timeout=PATIENCE_MS
        )
        picture = page.get_by_role("img", name="The day")
        expect(picture).to_be_visible(timeout=PATIENCE_MS)
        assert seen.errors == []
        width: int = picture.evaluate("image => image.naturalWidth")
        return width

    url = page_of("rehearsal-report", day.links.prefect, prefect_server)
    assert let_in(browser, url, look, **WIDE) > 300
