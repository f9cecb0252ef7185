"""Who is let in, and by which way: every route, whatever a page of elsewhere, another user or a bad client sends."""

import gzip
import json
import os
import re
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from chaos.errors import ManifestError
from chaos.history.store import History
from flows.console.app import create_app
from flows.server.api import Api
from tests.flows.console.served import BASE, Console, client, served, token

PATHS = [
    *sorted(create_app().openapi()["paths"]),
    "/",
    "/docs",
    "/style.css",
    "/experiment/x/status",
    "/none",
]
JSON = "Content-Type: application/json"


def verbs(path: str) -> list[str]:
    """The methods of a route, GET for a page."""
    return [verb.upper() for verb in create_app().openapi()["paths"].get(path, {"get": {}})]


@pytest.fixture(scope="module")
def everything(console: Console) -> list[tuple[str, str]]:
    """Every method of every route, its parameters filled in."""
    return [
        (verb, re.sub(r"\{id\}|\{name\}|\{run_id\}", "x", path.replace("{repository}", "-")))
        for path in PATHS
        for verb in verbs(path)
    ]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Host: evil.example",), 421),
        (("Host: evil.example:{port}",), 421),
        (("Host: 127.0.0.1:1",), 421),
        (("Host: 127.0.0.1",), 421),
        (("Host: 127.0.0.1.evil.example:{port}",), 421),
        (("Host: [::]:{port}",), 421),
        (("Host: {host}", "Host: {host}"), 400),
        (("X: y",), 400),
        (("Host: {host}", "Origin: http://evil.example"), 403),
        (("Host: {host}", "Origin: null"), 403),
        (("Host: {host}", "Origin: http://127.0.0.1:1"), 403),
        (("Host: {host}", "Origin: http://localhost:{port}"), 403),
        (("Host: {host}", "Origin: http://{host}", "Origin: http://evil.example"), 403),
        (("Host: {host}", "Sec-Fetch-Site: cross-site"), 403),
        (("Host: {host}", "Sec-Fetch-Site: same-site"), 403),
        (("Host: {host}", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"), 403),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_no_route_answers_what_is_not_meant_for_it(
    console: Console, everything: list[tuple[str, str]], lines: tuple[str, ...], status: int
) -> None:
    host = f"127.0.0.1:{console.port}"
    sent = [each.format(host=host, port=console.port) for each in lines]
    got = {
        (verb, path): console.raw(f"{verb} {path} HTTP/1.1", *sent, JSON, "Content-Length: 2", body=b"{}")
        for verb, path in everything
    }
    assert set(got.values()) == {status}, got


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_its_own_names_are_answered(console: Console, host: str) -> None:
    assert console.raw(f"GET {BASE}/version HTTP/1.1", f"Host: {host}:{console.port}") == 200


def test_it_is_no_proxy(console: Console) -> None:
    assert console.raw("GET http://evil.example/ HTTP/1.1", f"Host: 127.0.0.1:{console.port}") == 400


def test_a_link_from_elsewhere_shows_a_page_and_no_api(console: Console) -> None:
    sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert console.client.get("/docs", headers=sent).status_code == 200
    assert console.client.get(f"{BASE}/faults", headers=sent).status_code == 403


def test_its_own_page_may_ask(console: Console) -> None:
    sent = {"Origin": console.url, "Sec-Fetch-Site": "same-origin"}
    console.post("/validate", {"yaml": ""}, 200, headers=sent)


def test_no_answer_lets_another_origin_read_it(console: Console) -> None:
    answer = console.client.options(f"{BASE}/runs", headers={"Access-Control-Request-Method": "POST"})
    assert answer.status_code in (204, 405)
    for each in (answer, console.client.get("/"), console.client.get(f"{BASE}/health")):
        assert not [name for name in each.headers if name.startswith("access-control")]
        assert each.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in each.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data", 415),
        ("", 415),
    ],
)
def test_what_a_form_could_send_is_refused(console: Console, kind: str, status: int) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = console.client.post(
        f"{BASE}/runs", content=b'{"ad_hoc": {"scenario": "disk_full"}}', headers=headers
    )
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_bodies_are_bounded(console: Console) -> None:
    large = json.dumps({"yaml": "x" * 600_000}).encode()
    assert (
        console.client.post(
            f"{BASE}/validate", content=large, headers={"Content-Type": "application/json"}
        ).status_code
        == 413
    )

    def pieces() -> "list[bytes]":
        return [large[at : at + 50_000] for at in range(0, len(large), 50_000)]

    answer = console.client.post(
        f"{BASE}/validate", content=iter(pieces()), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"ad_hoc": NaN}', b"[" * 50_000]
)
def test_what_is_no_request_is_one_problem(console: Console, body: bytes) -> None:
    answer = console.client.post(f"{BASE}/runs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/bad-request"
    assert "Traceback" not in answer.text


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_needs_a_token(console: Console) -> None:
    for path, status in (
        (f"{BASE}/health", "200"),
        (f"{BASE}/faults", "401"),
        ("/", "401"),
        (f"{BASE}/runs", "401"),
    ):
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", console.url + path]
        ended = subprocess.run(command, user=65534, group=65534, capture_output=True, text=True, check=True)
        assert ended.stdout == status, path


def test_a_token_decides_alone(console: Console) -> None:
    wrong = client(console.url, Authorization="Bearer nothing")
    with wrong:
        assert wrong.get(f"{BASE}/faults").status_code == 401
    now = round(time.time() * 1000)
    for made in (token("viewer", expires_ms=now - 1), token("operator", revoked_ms=now - 1)):
        with client(console.url, Authorization=f"Bearer {made}") as gone:
            assert gone.get(f"{BASE}/faults").status_code == 401


@pytest.mark.parametrize(
    ("role", "read", "operate", "halt"),
    [("viewer", 200, 403, 403), ("operator", 200, 404, 400), ("worker", 403, 403, 403)],
)
def test_roles(console: Console, role: str, read: int, operate: int, halt: int) -> None:
    with client(console.url, Authorization=f"Bearer {token(role)}") as asking:
        assert asking.get(f"{BASE}/faults").status_code == read
        assert asking.post(f"{BASE}/runs/x/stop", json={}).status_code == operate
        assert asking.put(f"{BASE}/halt", json={"reason": 5}).status_code == halt


def test_a_viewer_can_change_nothing(console: Console, everything: list[tuple[str, str]]) -> None:
    reading = {("POST", f"{BASE}/validate"), ("POST", f"{BASE}/plan"), ("DELETE", f"{BASE}/session")}
    with client(console.url, Authorization=f"Bearer {token('viewer')}") as asking:
        for verb, path in everything:
            if verb not in ("GET", "HEAD") and (verb, path) not in reading:
                body: dict[str, str] | None = None if verb == "DELETE" else {}
                assert asking.request(verb, path, json=body).status_code in (400, 403, 415), (verb, path)


def test_read_only_shows_and_halts(console: Console, tmp_path: Path) -> None:
    with served(tmp_path, read_only=True) as shown:
        assert shown.get("/session")["rights"] == ["read", "halt"]
        said = shown.post("/runs", {"ad_hoc": {"scenario": "disk_full"}}, 403)
        assert "--read-only" in said["detail"]
        assert shown.ask("DELETE", "/halt", 403)


def test_changes_are_written_down_and_tokens_are_not(console: Console) -> None:
    made = token("operator")
    with client(console.url, Authorization=f"Bearer {made}") as asking:
        asking.post(f"{BASE}/runs/nobody/stop", json={"reason": "x"})
    deadline = time.monotonic() + 10
    while True:
        with History.open() as history:
            found = [each for each in history.audit() if each.on == f"{BASE}/runs/nobody/stop"]
        if found or time.monotonic() > deadline:
            break
    assert (found[0].what, found[0].answer, found[0].from_) == ("POST", "404", "127.0.0.1")
    assert found[0].who.startswith("operator-")
    assert made not in repr(found)


def test_head_etag_and_gzip(console: Console) -> None:
    whole = console.client.get(f"{BASE}/faults")
    assert whole.headers["content-encoding"] == "gzip"
    head = console.client.head(f"{BASE}/faults", headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == whole.headers["etag"]
    again = console.client.get(f"{BASE}/faults", headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    with httpx.stream(
        "GET", f"{console.url}{BASE}/faults", headers={"Accept-Encoding": "gzip"}, trust_env=False
    ) as sent:
        assert json.loads(gzip.decompress(b"".join(sent.iter_raw()))) == whole.json()


def test_there_are_no_websockets(console: Console) -> None:
    upgrade = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: eA==",
    )
    assert console.raw(f"GET {BASE}/runs HTTP/1.1", f"Host: 127.0.0.1:{console.port}", *upgrade) in (
        200,
        400,
        403,
        426,
    )


def test_elsewhere_it_needs_a_token_and_names(
    prefect_server: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ManifestError, match="CHAOSLAB_CONSOLE_HOSTS"), served(tmp_path, host="0.0.0.0"):
        pass
    made = token("viewer")
    monkeypatch.setenv("CHAOSLAB_CONSOLE_HOSTS", "chaos.example.com")
    with served(tmp_path, host="0.0.0.0") as open_:
        named = {"Host": "chaos.example.com"}
        here = f"http://127.0.0.1:{open_.port}{BASE}/faults"
        assert open_.client.get(here, headers=named).status_code == 401  # of the same user, too
        opened = {**named, "Authorization": f"Bearer {made}"}
        assert open_.client.get(here, headers=opened).status_code == 200
        assert open_.client.get(here, headers={**opened, "Host": "evil.example"}).status_code == 421


def test_who_guesses_tokens_has_to_wait(prefect_server: Api, tmp_path: Path) -> None:
    with served(tmp_path) as guessed:
        with client(guessed.url, Authorization="Bearer guess") as asking:
            answers = [asking.get(f"{BASE}/faults") for _ in range(7)]
        assert [each.status_code for each in answers] == [401] * 5 + [429] * 2
        assert int(answers[-1].headers["retry-after"]) > 0
        guessed.get("/faults")  # the user of this machine is not kept out by that
