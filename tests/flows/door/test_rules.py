"""Which requests are meant for the server at port 4200."""

import pytest

from flows.server.door.rules import Asked, refusal

HERE = ("host", "127.0.0.1:4200")
LINK = (("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"))


def status(
    *headers: tuple[str, str], method: str = "GET", path: str = "/api/x", websocket: bool = False
) -> int:
    refused = refusal(Asked(method, path, path, headers, websocket), 4200)
    return 200 if refused is None else refused.status


@pytest.mark.parametrize("host", ["127.0.0.1:4200", "localhost:4200", "LOCALHOST:4200", "[::1]:4200"])
def test_its_own_names_are_answered(host: str) -> None:
    assert status(("host", host)) == 200
    assert status(("host", host), ("origin", f"http://{host.lower()}")) == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:4201",
        "127.0.0.1:04200",
        "127.0.0.1:4200.",
        "localhost",
        "localhost.:4200",
        "localhost.evil:4200",
        "127.0.0.1.evil.example:4200",
        "evil.example:4200",
        "evil.example#127.0.0.1:4200",
        "user@127.0.0.1:4200",
        "0.0.0.0:4200",
        "127.1:4200",
        "2130706433:4200",
        "[::ffff:127.0.0.1]:4200",
        "[::]:4200",
        "127.0.0.1:4200, evil.example",
    ],
)
def test_no_other_host_is(host: str) -> None:
    for websocket in (False, True):
        assert status(("host", host), websocket=websocket) == 421


def test_exactly_one_host_is_needed_and_a_path_of_ours() -> None:
    assert status() == 400
    assert status(HERE, HERE) == 400
    for target in ("http://127.0.0.1:4200/api/x", "http://evil.example/api/x", "*", "", "127.0.0.1:4200"):
        assert status(HERE, path=target) == 400


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:9911",
        "https://127.0.0.1:4200",
        "http://localhost:4200",
        "http://127.0.0.1:4200/",
        "http://127.0.0.1:4200.evil.example",
        "file://",
        "chrome-extension://abcdef",
    ],
)
def test_no_other_origin_is_answered(origin: str) -> None:
    for method, websocket in (("GET", True), ("GET", False), ("POST", False), ("OPTIONS", False)):
        assert status(HERE, ("origin", origin), method=method, websocket=websocket) == 403
    assert status(HERE, ("origin", "http://127.0.0.1:4200"), ("origin", origin)) == 403


def test_a_page_of_another_site_may_only_be_left_by_a_link_to_a_page() -> None:
    for site in ("cross-site", "same-site"):
        away = (HERE, ("sec-fetch-site", site))
        assert status(*away, *LINK, path="/runs") == 200
        assert status(*away, *LINK, path="/api/flows/") == 403
        assert status(*away, *LINK, path="/runs", method="POST") == 403
        assert status(*away, path="/runs") == 403
        framed = (("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"))
        assert status(*away, *framed, path="/runs") == 403
        assert status(*away, ("sec-fetch-mode", "websocket"), websocket=True) == 403
    for site in ("same-origin", "none"):
        assert status(HERE, ("sec-fetch-site", site)) == 200
    assert status(HERE, ("sec-fetch-site", "elsewhere")) == 403
    assert status(HERE, ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")) == 403
