"""Receivers of notices by the settings: a request for each, or why there can be none."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from chaos.publish.notifications import alerts
from chaos.publish.notifications.bodies import discord, generic, slack, teams
from chaos.publish.notifications.mail import Letter, letter, people, server
from chaos.publish.notifications.notice import Notice
from chaos.publish.notifications.requests import NoticeRequest, Post
from chaos.settings import Settings
from chaos.text.masker import Masker
from chaos.text.secrecy import MASKED

SIGNATURE = "X-ChaosLab-Signature-256"
_CHATS = (
    ("CHAOSLAB_NOTICE_SLACK_URL", slack),
    ("CHAOSLAB_NOTICE_TEAMS_URL", teams),
    ("CHAOSLAB_NOTICE_DISCORD_URL", discord),
)
_JSON = {"Content-Type": "application/json", "User-Agent": "chaoslab"}
_SHORTEST = 6
"""Characters of a secret of ours that is looked for in words."""


class Unusable(ValueError):
    """A receiver that the settings name badly; what it says repeats nothing of them."""


def requests(notice: Notice, settings: Settings) -> Iterator[NoticeRequest]:
    """For people and programs; those of mail may raise Unusable last."""
    notice = without_secrets(notice, settings)
    if settings.chaoslab_notice_url is not None:
        body = written(generic(notice))
        secret = settings.chaoslab_notice_secret
        signed = {SIGNATURE: signature(body, secret.get_secret_value())} if secret is not None else {}
        headers = {**_JSON, "X-ChaosLab-Event": notice.event, **signed}
        yield Post("CHAOSLAB_NOTICE_URL", settings.chaoslab_notice_url, body, headers)
    for name, form in _CHATS:
        url: SecretStr | None = getattr(settings, name.lower())
        if url is not None:
            yield Post(name, url, written(form(notice)), _JSON)
    if settings.chaoslab_notice_smtp_url:
        yield _letter(notice, settings)


def alert(
    notice: Notice, action: alerts.Action, in_a_row: int, settings: Settings
) -> Iterator[NoticeRequest]:
    """For whoever is on call."""
    notice = without_secrets(notice, settings)
    if (key := settings.chaoslab_pagerduty_key) is not None:
        body = alerts.pagerduty(notice, action, in_a_row, key.get_secret_value())
        url = f"{settings.chaoslab_pagerduty_url.rstrip('/')}/v2/enqueue"
        yield _post("CHAOSLAB_PAGERDUTY_KEY", url, body, _JSON)
    if (key := settings.chaoslab_opsgenie_key) is not None:
        headers = {**_JSON, "Authorization": f"GenieKey {key.get_secret_value()}"}
        url = settings.chaoslab_opsgenie_url.rstrip("/") + alerts.opsgenie_path(notice, action)
        there_is_none = frozenset({404}) if action == "resolve" else frozenset()
        body = alerts.opsgenie(notice, action, in_a_row)
        yield _post("CHAOSLAB_OPSGENIE_KEY", url, body, headers, there_is_none)


def on_call(settings: Settings) -> bool:
    """Whether somebody is."""
    return settings.chaoslab_pagerduty_key is not None or settings.chaoslab_opsgenie_key is not None


def signature(body: bytes, secret: str) -> str:
    """`sha256=…`: HMAC-SHA256 of the body's bytes, in hexadecimal, as GitHub signs its webhooks."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def written(body: Mapping[str, Any]) -> bytes:
    """As JSON in UTF-8: letters as they are, for receivers count bytes."""
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")


def without_secrets(notice: Notice, settings: Settings) -> Notice:
    """The notice without any secret of these settings, which an app may have been given, and may have printed."""
    known = (value for value in dict(settings).values() if isinstance(value, SecretStr))
    values = {each: MASKED for secret in known if len(each := secret.get_secret_value()) >= _SHORTEST}
    if not values:
        return notice
    masked = Masker(values).known
    return replace(
        notice,
        title=masked(notice.title),
        why=masked(notice.why),
        labels={key: masked(each) for key, each in notice.labels.items()},
        links={key: masked(each) for key, each in notice.links.items()},
        facts={key: masked(each) for key, each in notice.facts.items()},
    )


def _post(
    who: str, url: str, body: Any, headers: Mapping[str, str], fine: frozenset[int] = frozenset()
) -> Post:
    return Post(who, SecretStr(url), written(body), headers, fine)


def _letter(notice: Notice, settings: Settings) -> Letter:
    """Raises Unusable."""
    name, value = "CHAOSLAB_NOTICE_SMTP_URL", settings.chaoslab_notice_smtp_url or ""
    try:
        place = server(value)
        name, value = "CHAOSLAB_NOTICE_EMAIL_TO", settings.chaoslab_notice_email_to or ""
        to = people(value)
        name, value = "CHAOSLAB_NOTICE_EMAIL_FROM", settings.chaoslab_notice_email_from or ""
        (sender,) = people(value)
        user, password = settings.chaoslab_notice_smtp_user, settings.chaoslab_notice_smtp_password
        name = "CHAOSLAB_NOTICE_SMTP_PASSWORD"
        if bool(user) != bool(password):
            raise ValueError("a login needs CHAOSLAB_NOTICE_SMTP_USER and this, both or neither")
        if place.scheme == "smtp+plain" and user:
            raise ValueError("smtp+plain:// would send it in the clear; use smtps:// or smtp://")
        return Letter(place, letter(notice, sender, to), sender, tuple(to), user, password)
    except ValueError as error:
        raise Unusable(f"{name}: {error}") from None
