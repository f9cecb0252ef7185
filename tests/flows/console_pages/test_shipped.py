"""How the built pages are served, and that they are as small as was promised."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page

from flows.console.built import ADDRESSES, FOLDER, files
from tests.browser_fixture import Browser, Seen
from tests.flows.console.served import Console
from tests.flows.console_pages.looking import settled
from tests.lab import ROOT

MOST_KB = {"first page": 130, "all scripts": 260, "styles": 15}


def _packed(pattern: str) -> dict[str, int]:
    return {each.name: len(each.read_bytes()) for each in FOLDER.glob(f"assets/{pattern}.gz")}


def test_they_are_built_from_the_sources_beside_them() -> None:
    done = subprocess.run([sys.executable, "scripts/frontend.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_they_are_small() -> None:
    index = (FOLDER / "index.html").read_text()
    scripts, styles = _packed("*.js"), _packed("*.css")
    first = sum(scripts.get(f"{name}.gz", 0) for name in re.findall(r"/assets/([^\"]+\.js)", index))
    sizes = {"first page": first, "all scripts": sum(scripts.values()), "styles": sum(styles.values())}
    assert {name: size for name, size in sizes.items() if size > MOST_KB[name] * 1000} == {}
    assert first > 0


def test_nothing_of_a_registry_or_a_stranger_is_in_them() -> None:
    lock = (ROOT / "frontend/package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "://" not in lock, "an address: of a registry, or of who wants funding"
    assert lock.count('"integrity"') > 50
    assert "dangerouslySetInnerHTML" not in "".join(
        each.read_text() for each in (ROOT / "frontend/src").rglob("*.ts*")
    )
    assert re.findall(r'(?:src|href)="(?:https?:)?//', (FOLDER / "index.html").read_text()) == []


def test_files_are_sent_packed_and_kept_for_ever(pages: Console) -> None:
    (script,) = re.findall(r'src="(/assets/[^"]+\.js)"', pages.client.get("/").text)
    whole = files()[script.removeprefix("/")].bodies["identity"]
    for encoding in ("br", "gzip"):
        with pages.client.stream("GET", script, headers={"accept-encoding": encoding}) as answer:
            assert answer.headers["content-encoding"] == encoding
            assert int(answer.headers["content-length"]) < len(whole) / 2
    answer = pages.client.get(script, headers={"accept-encoding": "identity"})
    assert answer.content == whole
    assert "content-encoding" not in answer.headers
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["vary"] == "accept-encoding"


def test_every_address_is_the_page_and_nothing_else_is(pages: Console) -> None:
    for path in ADDRESSES:
        answer = pages.client.get(re.sub(r"\{\w+\}", "some%20thing", path))
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache"), path
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
    for path in (
        "/assets/none.js",
        "/assets/..%2f..%2fguard.py",
        "/assets/%2e%2e/index.html",
        "/assets/index.html",
        "/.inputs",
        "/static/index.html",
        "/nothing",
        "/api/v1/nothing",
    ):
        assert pages.client.get(path).status_code == 404, path


def test_a_page_asks_for_its_data_in_three_requests_at_most(pages: Console, browser: Browser) -> None:
    def look(page: Page, seen: Seen) -> list[str]:
        settled(page)
        return [each.partition("/api/v1")[2] for each in seen.requests if "/api/v1" in each]

    for path in ("/", "/new", "/runs", "/repositories", "/game-days", "/faults", "/doctor", "/settings"):
        asked = set(browser.visit(pages.url + path, look)) - {"/house"}
        assert len(asked) <= 3, f"{path}: {asked}"


@pytest.mark.parametrize("path", ["flows/console/static/index.html", "flows/console/static/.inputs"])
def test_the_wheel_takes_them(path: str) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--error-unmatch", path], cwd=ROOT, capture_output=True, check=False
    )
    assert tracked.returncode == 0
