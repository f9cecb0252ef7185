"""`chaoslab notices try`: whoever sets receivers up hears of each whether it took a notice, and why not."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Ended

from chaos.cli.main import cli
from chaos.publish.notifications import sending
from tests.publish.notifications.smtp_server import MailServer, mail_server
from tests.publish.notifications.test_sending import Receiver, receiver

__all__ = ["receiver"]


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("CHAOSLAB_NOTICE_", "CHAOSLAB_PAGERDUTY_", "CHAOSLAB_OPSGENIE_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sending, "_PAUSES_S", (0.01, 0.02))


def tried(**variables: str) -> Ended:
    return CliRunner(env=variables).invoke(cli, ["notices", "try"])


def test_everybody_is_tried_and_an_alert_ended(receiver: Receiver) -> None:
    with mail_server(MailServer()) as mail:
        ended = tried(
            CHAOSLAB_NOTICE_URL=receiver.url,
            CHAOSLAB_NOTICE_SLACK_URL=receiver.url,
            CHAOSLAB_NOTICE_TEAMS_URL=receiver.url,
            CHAOSLAB_NOTICE_DISCORD_URL=receiver.url,
            CHAOSLAB_NOTICE_SMTP_URL=f"smtp+plain://127.0.0.1:{mail.port}",
            CHAOSLAB_NOTICE_EMAIL_FROM="chaoslab@example.org",
            CHAOSLAB_NOTICE_EMAIL_TO="team@example.org",
            CHAOSLAB_PAGERDUTY_KEY="a-routing-key",
            CHAOSLAB_PAGERDUTY_URL=receiver.url,
            CHAOSLAB_OPSGENIE_KEY="a-genie-key",
            CHAOSLAB_OPSGENIE_URL=receiver.url,
        )
    assert ended.exit_code == 0
    assert [line.removesuffix(": taken") for line in ended.stdout.splitlines()] == [
        "CHAOSLAB_NOTICE_URL",
        "CHAOSLAB_NOTICE_SLACK_URL",
        "CHAOSLAB_NOTICE_TEAMS_URL",
        "CHAOSLAB_NOTICE_DISCORD_URL",
        "CHAOSLAB_NOTICE_SMTP_URL",
        "CHAOSLAB_PAGERDUTY_KEY",
        "CHAOSLAB_OPSGENIE_KEY",
    ]
    assert len(mail.messages) == 1
    actions = [json.loads(body).get("event_action") for _, body in receiver.sent]
    assert [each for each in actions if each] == ["trigger", "resolve"]
    assert not any(b"deviated" in body for _, body in receiver.sent)  # nothing has
    assert sum("/close?" in path for path in receiver.paths) == 1


def test_who_did_not_take_it_is_named_with_a_reason(receiver: Receiver) -> None:
    receiver.answers = [404]
    ended = tried(
        CHAOSLAB_NOTICE_TEAMS_URL=receiver.url,
        CHAOSLAB_PAGERDUTY_KEY="a-routing-key",
        CHAOSLAB_PAGERDUTY_URL=receiver.url,
        CHAOSLAB_NOTICE_SMTP_URL="mail.example",
    )
    assert ended.exit_code == 5
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "CHAOSLAB_NOTICE_TEAMS_URL: HTTP 404",
        "CHAOSLAB_PAGERDUTY_KEY: HTTP 404",
        "CHAOSLAB_NOTICE_SMTP_URL: expected smtps://HOST[:465], smtp://HOST[:587] (STARTTLS) or "
        "smtp+plain://HOST[:25]",
    ]
    assert len(receiver.sent) == 2  # an alert that was not taken is not ended


def test_nobody_is_a_sentence() -> None:
    ended = tried()
    assert ended.exit_code == 2
    assert "nobody is named" in ended.stderr
