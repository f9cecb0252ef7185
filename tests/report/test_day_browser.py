"""The page of a game day as people meet it: a real browser, light and dark, a phone, paper."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from chaos.report import day as page
from tests.browser_fixture import Browser, Seen, browser
from tests.game_days.a_day import report
from tests.report.test_browser import FAINT, SCREENS
from tests.report.test_day import hostile

__all__ = ["browser"]


@pytest.fixture(scope="module", params=["usual", "hostile"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("day") / "report.html"
    path.write_text(page.render(report() if request.param == "usual" else hostile()), "utf-8")
    return path.as_uri()


@pytest.mark.parametrize("screen", SCREENS)
def test_is_readable_fits_and_asks_for_nothing(browser: Browser, address: str, screen: str) -> None:
    def look(page: Page, seen: Seen) -> dict[str, Any]:
        return {
            "faint": page.evaluate(FAINT),
            "too wide": page.evaluate("document.documentElement.scrollWidth - innerWidth"),
            "errors": seen.errors + seen.console,
            "requests": [url for url in seen.requests if url != address],
        }

    found = browser.visit(address, look, **SCREENS[screen])
    assert found == {"faint": [], "too wide": 0, "errors": [], "requests": []}
