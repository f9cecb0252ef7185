"""Commit statuses, to a real HTTP server that answers as the forges do."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chaos.errors import PublishError
from chaos.gitops.forges import Forge, ForgeKind

COMMIT = "c0ffee" + "0" * 34


class Server(ThreadingHTTPServer):
    """Keeps what it was asked; answers with `answer`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer = 201


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        self.send_response(self.server.answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def forge(server: Server, kind: ForgeKind) -> Forge:
    found = Forge.of("https://forge.example/team/shop.git", kind, f"http://127.0.0.1:{server.server_port}")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "path", "header", "state"),
    [
        ("github", f"/repos/team/shop/statuses/{COMMIT}", ("Authorization", "Bearer s3cret"), "failure"),
        ("gitea", f"/repos/team/shop/statuses/{COMMIT}", ("Authorization", "token s3cret"), "failure"),
        ("gitlab", f"/projects/team%2Fshop/statuses/{COMMIT}", ("PRIVATE-TOKEN", "s3cret"), "failed"),
    ],
)
def test_each_forge_is_told_in_its_own_words(
    server: Server, kind: ForgeKind, path: str, header: tuple[str, str], state: str
) -> None:
    forge(server, kind).say(
        "s3cret", COMMIT, "shop-kill", "deviated", "x" * 200, "http://prefect.example/run"
    )
    ((asked, headers, body),) = server.asked
    assert (asked, {name.lower(): value for name, value in headers.items()}[header[0].lower()]) == (
        path,
        header[1],
    )
    assert body["state"] == state
    assert "chaoslab/shop-kill" in (body.get("context"), body.get("name"))
    assert len(body["description"]) == 140
    assert body["target_url"] == "http://prefect.example/run"


def test_a_file_is_no_link_for_a_forge(server: Server) -> None:
    forge(server, "github").say("s3cret", COMMIT, "a", "held", "all well", "file:///runs/report.html")
    assert "target_url" not in server.asked[0][2]


@pytest.mark.parametrize("answer", [401, 404, 500, 302])
def test_what_a_forge_refuses_is_one_error_without_the_token(server: Server, answer: int) -> None:
    server.answer = answer
    with pytest.raises(PublishError, match=f"HTTP {answer}") as caught:
        forge(server, "github").say("s3cret", COMMIT, "a", "held", "all well", None)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com/team/shop.git", "https://api.github.com"),
        ("git@github.com:team/shop.git", "https://api.github.com"),
        ("ssh://git@gitlab.com/group/sub/shop", "https://gitlab.com/api/v4"),
        ("https://x:y@gitea.com/team/shop", "https://gitea.com/api/v1"),
        ("/srv/git/shop.git", None),
        ("https://git.example/team/shop", None),
    ],
)
def test_where_the_api_is(url: str, api: str | None) -> None:
    found = Forge.of(url)
    assert (found.api if found else None) == api
