"""A receiver may take it, refuse it, fail for a while, hang, or not be there: the run hears of it in a sentence."""

import asyncio
import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chaos.publish.notifications import sending
from chaos.publish.notifications.notice import of_result
from chaos.publish.notifications.receivers import SIGNATURE
from chaos.publish.notifications.sending import send, send_notice
from chaos.settings import Settings
from chaos.verdict import Outcome
from tests.publish.notifications.test_notice import a_result

NOTICE = of_result(a_result(outcome=Outcome.ABORTED))


class Receiver(ThreadingHTTPServer):
    """Keeps what it was sent; answers with each of `answers` in turn, then with the last one again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sent: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.answers = [200]
        self.retry_after: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/T0KEN-of-the-path"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        server = self.server
        server.sent.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(server.answers.pop(0) if len(server.answers) > 1 else server.answers[0])
        server.paths.append(self.path)
        self.send_header("Location", server.url)
        if server.retry_after is not None:
            self.send_header("Retry-After", server.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Keep quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses between tries."""
    monkeypatch.setattr(sending, "_PAUSES_S", (0.01, 0.02))


def settings(**values: str) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


def sent(**values: str) -> list[str]:
    return asyncio.run(send(NOTICE, settings(**values)))


def test_programs_and_people_get_theirs_and_the_signature_is_over_the_bytes(receiver: Receiver) -> None:
    assert (
        sent(
            chaoslab_notice_url=receiver.url,
            chaoslab_notice_secret="s3cret",
            chaoslab_notice_slack_url=receiver.url,
        )
        == []
    )
    for headers, body in receiver.sent:
        told = json.loads(body)
        if "blocks" in told:
            assert SIGNATURE not in headers
            continue
        digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        assert (headers[SIGNATURE], headers["X-ChaosLab-Event"]) == (
            f"sha256={digest}",
            "chaoslab.run.aborted",
        )
        assert (told["event"], told["id"]) == ("chaoslab.run.aborted", NOTICE.id)
    assert sorted("blocks" in json.loads(body) for _, body in receiver.sent) == [False, True]


def test_nobody_named_nobody_told() -> None:
    assert sent() == []


@pytest.mark.parametrize(
    ("answers", "tries", "why"),
    [
        ([500, 429, 204], 3, []),
        ([503], 3, ["CHAOSLAB_NOTICE_URL: HTTP 503"]),
        ([401], 1, ["CHAOSLAB_NOTICE_URL: HTTP 401"]),
        ([302], 1, ["CHAOSLAB_NOTICE_URL: HTTP 302"]),
    ],
)
def test_another_try_where_it_may_help(
    receiver: Receiver, answers: list[int], tries: int, why: list[str]
) -> None:
    receiver.answers = answers
    assert sent(chaoslab_notice_url=receiver.url) == why
    assert len(receiver.sent) == tries
    assert len({body for _, body in receiver.sent}) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "no address", "ftp://x/", "http://[::1", "http://exa mple/"]
)
def test_who_cannot_be_reached_is_a_sentence_without_the_address(url: str) -> None:
    (why,) = sent(chaoslab_notice_url=url)
    assert why.startswith("CHAOSLAB_NOTICE_URL: ")
    assert url not in why


def test_who_never_answers_holds_up_nothing_for_longer_than_the_limit(
    silent: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WITHIN_S", 0.5)
    before = time.monotonic()
    (why,) = sent(chaoslab_notice_url=silent, chaoslab_notice_slack_url=receiver.url)
    assert why.startswith("CHAOSLAB_NOTICE_URL: ")
    assert len(receiver.sent) == 1
    assert time.monotonic() - before < 10  # the limit is half a second; a busy machine has more


def test_a_secret_of_the_address_is_never_logged(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = [500]
    said: list[str] = []
    both = settings(chaoslab_notice_url=receiver.url, chaoslab_notice_secret="s3cret-of-ours")
    said += asyncio.run(send(NOTICE, both))
    assert receiver.sent
    for secret in ("T0KEN", "s3cret-of-ours"):
        assert secret not in caplog.text + "".join(said) + repr(both)


def test_what_held_is_told_to_nobody(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOSLAB_NOTICE_URL", receiver.url)
    said: list[str] = []
    asyncio.run(send_notice(of_result(a_result()), said.append))
    assert receiver.sent == []
    receiver.answers = [400]
    asyncio.run(send_notice(NOTICE, said.append))
    assert said == ["no notice: CHAOSLAB_NOTICE_URL: HTTP 400"]
