"""A notice as the JSON that receivers take: our own, and Slack's incoming webhooks'.

Source: Slack, "Sending messages using incoming webhooks" and "Block Kit", for escapes and limits. Mattermost and
Rocket.Chat take the same `text`.
"""

from typing import Any

from chaos.inert import everywhere, inert
from chaos.inert import slack as escaped
from chaos.notices.notice import Notice

_MOST_TITLE = 150
"""Characters that a Slack header takes."""


def generic(notice: Notice) -> dict[str, Any]:
    """Everything there is."""
    body: dict[str, Any] = everywhere(_generic(notice))
    return body


def _generic(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "event": notice.event,
        "at": notice.at,
        "subject": {"kind": notice.subject, "name": notice.name},
        "run_id": notice.run_id,
        "title": notice.title,
        "why": notice.why,
        "labels": dict(notice.labels),
        "links": dict(notice.links),
        **notice.facts,
    }


def slack(notice: Notice) -> dict[str, Any]:
    """A message with a headline, the reason, and links."""
    links = [f"<{_address(link)}|{what.capitalize()}>" for what, link in notice.links.items()]
    beside = [
        f"`{escaped(notice.run_id).replace('`', ' ')}`",
        *(f"{escaped(key)}: {escaped(each)}" for key, each in notice.labels.items()),
    ]
    return {
        "text": f"*{escaped(notice.title)}* {escaped(notice.why)}",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": inert(notice.title)[:_MOST_TITLE]}},
            {"type": "section", "text": _marked(escaped(notice.why) or "-")},
            {"type": "context", "elements": [_marked(" · ".join([*beside, *links]))]},
        ],
    }


def _marked(text: str) -> dict[str, Any]:
    """Verbatim: Slack makes no link and calls nobody but where the text says so in its own signs."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _address(link: str) -> str:
    """An address between Slack's signs: nothing in it ends it."""
    return escaped(link).replace("|", "%7C").replace(" ", "%20")
