"""Mail to a server that speaks SMTP: with TLS both ways, refused, hung up on; its password is never shown."""

import asyncio
import email
import logging
import time
from email import policy
from pathlib import Path

import pytest

from chaos.publish.notifications import sending
from chaos.publish.notifications.notice import Notice, of_result
from chaos.publish.notifications.sending import send
from chaos.verdict import Outcome
from tests.publish.notifications.smtp_server import MailServer, certificate, mail_server
from tests.publish.notifications.test_notice import a_result
from tests.publish.notifications.test_sending import settings

NOTICE = of_result(a_result(outcome=Outcome.ABORTED, why="Grüße: 3 of 4 failed\r\nBcc: all@example.org"))
PASSWORD = "pl4nted-password"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses between tries."""
    monkeypatch.setattr(sending, "_PAUSES_S", (0.01, 0.02))


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("mail"))


@pytest.fixture
def trusted(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return pem


def sent(mail: MailServer, scheme: str, notice: Notice = NOTICE, **other: str) -> list[str]:
    values = {
        "chaoslab_notice_smtp_url": f"{scheme}://127.0.0.1:{mail.port}",
        "chaoslab_notice_email_from": "chaoslab@example.org",
        "chaoslab_notice_email_to": "Team <team@example.org>, boss@example.org",
        **other,
    }
    return asyncio.run(send(notice, settings(**values)))


LOGIN = {"chaoslab_notice_smtp_user": "bob", "chaoslab_notice_smtp_password": PASSWORD}


@pytest.mark.parametrize(("scheme", "at_once"), [("smtps", True), ("smtp", False)])
def test_it_arrives_and_nothing_of_it_in_the_clear(trusted: Path, scheme: str, at_once: bool) -> None:
    with mail_server(MailServer(trusted, at_once)) as mail:
        assert sent(mail, scheme, **LOGIN) == []
    assert mail.in_the_clear == []
    assert mail.logins == [f"\0bob\0{PASSWORD}".encode()]
    assert mail.recipients == ["TO:<team@example.org>", "TO:<boss@example.org>"]
    assert set(mail.greetings) == {"[127.0.0.1]"}
    message = email.message_from_bytes(mail.messages[0], policy=policy.default)
    assert message["Subject"] == NOTICE.title
    assert (message["Auto-Submitted"], message["Bcc"]) == ("auto-generated", None)
    assert message["Message-ID"] == f"<{NOTICE.id}@chaoslab.invalid>"
    text = message.get_content()
    assert "Grüße: 3 of 4 failed Bcc: <email>" in text
    assert f"run: {NOTICE.run_id}" in text


def test_a_relay_of_this_machine_needs_no_tls_and_gets_no_password() -> None:
    with mail_server(MailServer()) as mail:
        assert sent(mail, "smtp+plain") == []
        (why,) = sent(mail, "smtp+plain", **LOGIN)
    assert len(mail.messages) == 1
    assert why.startswith("CHAOSLAB_NOTICE_SMTP_PASSWORD: smtp+plain:// would send it in the clear")
    assert PASSWORD not in why


def test_half_a_login_is_none() -> None:
    with mail_server(MailServer()) as mail:
        (why,) = sent(mail, "smtp+plain", chaoslab_notice_smtp_user="bob")
    assert why.startswith("CHAOSLAB_NOTICE_SMTP_PASSWORD: a login needs CHAOSLAB_NOTICE_SMTP_USER and this")
    assert mail.messages == []


def test_a_server_without_starttls_gets_nothing() -> None:
    with mail_server(MailServer()) as mail:
        (why,) = sent(mail, "smtp", **LOGIN)
    assert "offers no STARTTLS" in why
    assert (mail.in_the_clear, mail.messages) == ([], [])


@pytest.mark.parametrize(("scheme", "at_once"), [("smtps", True), ("smtp", False)])
def test_a_certificate_that_nobody_knows_is_refused(pem: Path, scheme: str, at_once: bool) -> None:
    with mail_server(MailServer(pem, at_once)) as mail:
        (why,) = sent(mail, scheme, **LOGIN)
    assert why == "CHAOSLAB_NOTICE_SMTP_URL: TLS: CERTIFICATE_VERIFY_FAILED"
    assert (mail.logins, mail.messages) == ([], [])


@pytest.mark.parametrize(
    ("replies", "why", "stored"),
    [
        ({"MAIL": ["451 later"]}, "", 1),
        ({"HELLO": ["421 busy", "421 busy"]}, "", 1),
        ({"DATA": ["hang up"]}, "", 1),
        ({"STORED": ["452 full", "452 full", "452 full"]}, "SMTP 452", 3),
        ({"MAIL": [f"550 who is {PASSWORD}?"]}, "SMTP 550", 0),
        ({"RCPT": ["550 no", "550 no"]}, "every recipient is refused: SMTP 550", 0),
        ({"RCPT": ["250 fine", "550 no"]}, "1 of 2 recipients are refused", 1),
        ({"AUTH": [f"535 {PASSWORD} is wrong"]}, "SMTP 535", 0),
        ({"QUIT": ["500 what?"]}, "", 1),
        ({"HELLO": ["nonsense"]}, "SMTP -1", 0),
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_a_server_says_decides(
    trusted: Path, replies: dict[str, list[str]], why: str, stored: int
) -> None:
    with mail_server(MailServer(trusted, at_once=True, replies=replies)) as mail:
        found = sent(mail, "smtps", **LOGIN)
    assert [each.removeprefix("CHAOSLAB_NOTICE_SMTP_URL: ") for each in found] == ([why] if why else [])
    assert len(mail.messages) == stored


@pytest.mark.parametrize(
    ("url", "sender", "to", "why"),
    [
        ("mail.example", "a@b", "c@d", "CHAOSLAB_NOTICE_SMTP_URL: expected smtps://HOST"),
        ("https://mail.example", "a@b", "c@d", "CHAOSLAB_NOTICE_SMTP_URL: expected smtps://HOST"),
        (f"smtps://bob:{PASSWORD}@mail", "a@b", "c@d", "user and password go into variables of their own"),
        ("smtps://mail:99999", "a@b", "c@d", "expected smtps://HOST"),
        ("smtps://mail", "a@b", "", "CHAOSLAB_NOTICE_EMAIL_TO: expected addresses"),
        ("smtps://mail", "a@b", "c@d\nBcc: x@y", "CHAOSLAB_NOTICE_EMAIL_TO: expected addresses"),
        ("smtps://mail", "nobody", "c@d", "CHAOSLAB_NOTICE_EMAIL_FROM: expected addresses"),
    ],
)
def test_what_cannot_be_is_said_and_the_others_are_told(url: str, sender: str, to: str, why: str) -> None:
    names = {"smtp_url": url, "email_from": sender, "email_to": to}
    values = {f"chaoslab_notice_{name}": value for name, value in names.items()}
    (first, second) = asyncio.run(send(NOTICE, settings(chaoslab_notice_url="http://127.0.0.1:1/", **values)))
    assert first == "CHAOSLAB_NOTICE_URL: ConnectError"
    assert why in second
    assert PASSWORD not in second


def test_a_silent_server_is_waited_for_no_longer_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "WITHIN_S", 0.4)
    with mail_server(MailServer(replies={"EHLO": ["250-mail"]})) as mail:  # and no second line
        before = time.monotonic()
        (why,) = sent(mail, "smtp+plain")
    assert why.startswith("CHAOSLAB_NOTICE_SMTP_URL: ")
    assert time.monotonic() - before < 10


def test_no_password_in_a_log_a_notice_or_a_picture_of_a_letter(
    trusted: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    telling = of_result(a_result(outcome=Outcome.ABORTED, why=f"the app printed {PASSWORD} today"))
    with mail_server(MailServer(trusted, at_once=True)) as mail:
        assert sent(mail, "smtps", telling, **LOGIN) == []
    assert PASSWORD.encode() not in mail.messages[0]
    assert b"[masked]" in mail.messages[0]
    assert PASSWORD not in caplog.text
