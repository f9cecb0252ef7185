"""The page of a game day as people meet it: a real browser, light and dark, a phone, paper."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from chaos.game_days.learnt import DayReport
from chaos.report import day as page
from tests.browser_fixture import Browser, Seen, browser
from tests.game_days.a_day import report
from tests.report.test_browser import FAINT, SCREENS
from tests.report.test_day import hostile

__all__ = ["browser"]


@pytest.mark.parametrize(("made", "screen"), [*((report, screen) for screen in SCREENS), (hostile, "phone")])
def test_is_readable_fits_and_asks_for_nothing(
    browser: Browser, tmp_path: Path, made: Callable[[], DayReport], screen: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text(page.render(made()), "utf-8")
    address = path.as_uri()

    def look(page: Page, seen: Seen) -> dict[str, Any]:
        return {
            "faint": page.evaluate(FAINT),
            "too wide": page.evaluate("document.documentElement.scrollWidth - innerWidth"),
            "errors": seen.errors + seen.console,
            "requests": [url for url in seen.requests if url != address],
        }

    found = browser.visit(address, look, **SCREENS[screen])
    assert found == {"faint": [], "too wide": 0, "errors": [], "requests": []}
