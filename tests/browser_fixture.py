"""A real browser for tests of what people see: Debian's Chromium, headless, one for the whole session.

A test module gets it with `from tests.browser_fixture import browser` (or a conftest's `pytest_plugins`). A machine
without Chromium fails these tests, with the remedy: pages nobody looked at are not tested.

Playwright's sync interface leaves an event loop running in the thread that uses it, which would break every later test
that calls `asyncio.run`. So the browser lives in a thread of its own, and looks are functions that run there.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Request, sync_playwright

T = TypeVar("T")

# Chromium's own calls home only fail, slowly, on a machine without a network, and have no place in a test.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Names of a stranger that lead to this machine, as after DNS rebinding.
    "--host-resolver-rules=MAP *.rebound.example 127.0.0.1",
]


@dataclass
class Seen:
    """What went on behind a page: what it printed, what it threw, what it asked the network for."""

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


class Browser:
    """One Chromium, used through `visit` from any thread."""

    def __init__(self, executable: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser")
        self._playwright = self._thread.submit(lambda: sync_playwright().start()).result()
        self._chromium: Chromium = self._thread.submit(
            # Each launch gets a new, empty profile.
            lambda: self._playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        ).result()

    def visit(self, url: str, look: Callable[[Page, Seen], T], **options: Any) -> T:
        """What `look` returns for a fresh page at `url`; `options` are those of Playwright's `new_context`."""
        return self._thread.submit(self._visit, url, look, options).result()

    def close(self) -> None:
        """End Chromium and its thread."""
        self._thread.submit(self._chromium.close).result()
        self._thread.submit(self._playwright.stop).result()
        self._thread.shutdown()

    def _visit(self, url: str, look: Callable[[Page, Seen], T], options: dict[str, Any]) -> T:
        with self._chromium.new_context(**options) as context:
            page = context.new_page()
            seen = _watched(page)
            page.goto(url)
            return look(page, seen)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or a failure that names the remedy."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail(
            "no Chromium on this machine; install it with: apt-get update && apt-get install -y chromium"
        )
    started = Browser(path)
    yield started
    started.close()


def _watched(page: Page) -> Seen:
    seen = Seen()

    def asked(request: Request) -> None:
        if not request.url.startswith(("data:", "about:")):
            seen.requests.append(request.url)

    page.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("request", asked)
    return seen
