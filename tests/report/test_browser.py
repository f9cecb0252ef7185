"""The report as people meet it: a real browser, light and dark, a phone, paper."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from chaos.report import html, svg
from chaos.run_spec.model import RunSpec
from tests.browser_fixture import Browser, Seen, browser
from tests.report.conftest import Judged
from tests.report.test_html import hostile

__all__ = ["browser"]

SCREENS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1100, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1100, "height": 800}, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 375, "height": 740},
        "is_mobile": True,
        "has_touch": True,
        "device_scale_factor": 2,
    },
}

# WCAG 2 contrast of every text on what lies behind it; SVG text counts by its fill.
FAINT = """() => {
  const rgb = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const share = [.2126, .7152, .0722];
  const light = colour => share.reduce((sum, part, i) => sum + part * linear(colour[i] / 255), 0);
  const behind = e => { for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > .99) return c; } };
  const words = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  const read = e => words(e) && !e.closest('.readouts,style,title,desc');
  return [...document.querySelectorAll('body *')].filter(read).map(e => {
    const style = getComputedStyle(e), svg = e.namespaceURI.endsWith('svg');
    const [a, b] = [light(rgb(svg ? style.fill : style.color)), light(behind(e))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.tagName + ' ' + e.textContent.slice(0, 30)];
  }).filter(([ratio]) => ratio < 4.5);
}"""


@pytest.fixture(scope="module")
def report(run: Judged, tmp_path_factory: pytest.TempPathFactory) -> str:
    return _saved(html.render(*run), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def hostile_report(run: Judged, tmp_path_factory: pytest.TempPathFactory) -> str:
    return _saved(html.render(*hostile(run)), tmp_path_factory.mktemp("hostile"))


def _saved(page: str, folder: Path) -> str:
    path = folder / "report.html"
    path.write_text(page, "utf-8")
    return path.as_uri()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("which", ["report", "hostile_report"])
def test_is_clean_and_fits(browser: Browser, request: pytest.FixtureRequest, which: str, screen: str) -> None:
    address = request.getfixturevalue(which)

    def look(page: Page, seen: Seen) -> tuple[int, int]:
        assert (seen.console, seen.errors) == ([], [])
        assert seen.requests == [address]
        return page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")

    needed, there = browser.visit(address, look, **SCREENS[screen])
    assert needed <= there == SCREENS[screen]["viewport"]["width"]


@pytest.mark.parametrize("screen", SCREENS)
def test_every_word_can_be_read(browser: Browser, report: str, screen: str) -> None:
    assert browser.visit(report, lambda page, _: page.evaluate(FAINT), **SCREENS[screen]) == []


def test_follows_the_colour_scheme(browser: Browser, report: str) -> None:
    def background(page: Page, _: Seen) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light, dark = (browser.visit(report, background, **SCREENS[name]) for name in ("light", "dark"))
    assert (light, dark) == ("rgb(252, 251, 249)", "rgb(19, 23, 28)")


def test_charts_keep_their_text_size_on_a_phone(browser: Browser, report: str) -> None:
    sizes = "[...document.querySelectorAll('.chart .tick')].map(t => Math.round(t.getBoundingClientRect().height))"
    wide, narrow = (
        browser.visit(report, lambda page, _: set(page.evaluate(sizes)), **SCREENS[name])
        for name in ("light", "phone")
    )
    assert wide == narrow


def test_a_pointer_reads_a_chart(browser: Browser, report: str) -> None:
    def look(page: Page, _: Seen) -> list[str]:
        page.locator("svg.chart").first.hover(position={"x": 500, "y": 150})
        shown = "[...document.querySelectorAll('.at text')].filter(t => getComputedStyle(t).visibility === 'visible')"
        return [str(text) for text in page.evaluate(f"{shown}.map(t => t.textContent)")]

    (words,) = browser.visit(report, look, **SCREENS["light"])
    assert "p95" in words
    assert "p50" in words


def test_prints_light_and_whole(browser: Browser, report: str) -> None:
    def look(page: Page, _: Seen) -> tuple[bytes, str, int]:
        page.emulate_media(media="print", color_scheme="dark")
        page.set_viewport_size({"width": 688, "height": 1000})  # A4 less its margins
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        clipped = page.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 689).length"
        )
        return page.pdf(format="A4", print_background=True), str(paper), int(clipped)

    pdf, paper, clipped = browser.visit(report, look, color_scheme="dark")
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") <= 6
    assert (paper, clipped) == ("rgb(255, 255, 255)", 0)


def test_a_chart_is_also_a_picture(browser: Browser, run: Judged, tmp_path: Path) -> None:
    picture = svg.chart_data_uri(svg.latency_chart(run.series, RunSpec.of_journal(run.started["plan"])))
    address = _saved(f"<!doctype html><title>x</title><img src='{picture}'>", tmp_path)
    size = "[document.images[0].naturalWidth, document.images[0].naturalHeight]"
    assert browser.visit(address, lambda page, _: page.evaluate(size)) == [760, 288]
