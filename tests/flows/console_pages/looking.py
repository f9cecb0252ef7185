"""How tests look at pages."""

import gzip
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser_fixture import Seen

WITHIN_MS = 60_000
"""A run's process takes long to start on a machine that is busy with other tests."""
expect.set_options(timeout=WITHIN_MS)
PAGES = (
    "/",
    "/new",
    "/new?kind=manifest",
    "/runs",
    "/repositories",
    "/game-days",
    "/faults",
    "/doctor",
    "/settings",
    "/design",
    "/compare",
)


@cache
def axe() -> str:
    """axe-core 4.14.1 (MPL-2.0), as it is published."""
    return gzip.decompress(Path(__file__).with_name("axe.min.js.gz").read_bytes()).decode()


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA: the rule, and where."""
    page.evaluate(axe())
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        ".then(said => said.violations.map(each => [each.id, each.nodes.map(node => node.html + ' ' + "
        "(node.any[0]?.message ?? '')).slice(0, 3)]))"
    )
    return [f"{rule}: {'; '.join(where)}" for rule, where in found]


def settled(page: Page) -> None:
    """There is a heading, and nothing is on its way any more."""
    page.wait_for_selector("h1", timeout=WITHIN_MS)
    page.wait_for_selector("[data-state=loading]", state="detached", timeout=WITHIN_MS)


def answered(page: Page, path: str, body: object, status: int = 200) -> None:
    """From now on the API answers so at that path: a double that speaks the wire's protocol."""

    def fulfil(route: Route) -> None:
        kind = "application/json" if status == 200 else "application/problem+json"
        route.fulfill(status=status, content_type=kind, body=json.dumps(body))

    page.route(f"**/api/v1{path}", fulfil)


def hostile(value: Any, text: str, kept: tuple[str, ...]) -> Any:
    """The same shape, with that text wherever an app, a manifest or a model could have written."""
    if isinstance(value, Mapping):
        return {key: each if key in kept else hostile(each, text, kept) for key, each in value.items()}
    if isinstance(value, list):
        return [hostile(each, text, kept) for each in value]
    return text if isinstance(value, str) else value


def visible(page: Page, text: str) -> None:
    """It is there for people to read."""
    expect(page.get_by_text(text).first).to_be_visible()


def quiet(look: Callable[[Page, Seen], Any]) -> Callable[[Page, Seen], Any]:
    """The same look, after which no page may have thrown, nor asked anybody else, nor broken its own policy."""

    def looking(page: Page, seen: Seen) -> Any:
        page.set_default_timeout(WITHIN_MS)
        found = look(page, seen)
        assert seen.errors == []
        assert [each for each in seen.console if "Content Security Policy" in each] == []
        assert {each.split("/")[2] for each in seen.requests} == {page.url.split("/")[2]}
        return found

    return looking
