"""A notice as the JSON that receivers take: our own, and Slack's incoming webhooks'.

Source: Slack, "Sending messages using incoming webhooks" and "Block Kit", for escapes and limits. Mattermost and
Rocket.Chat take the same `text`.
"""

from typing import Any

from chaos.notices.notice import Notice

_MOST_TITLE = 150
"""Characters that a Slack header takes."""


def generic(notice: Notice) -> dict[str, Any]:
    """Everything there is."""
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
    links = [f"<{link}|{what.capitalize()}>" for what, link in notice.links.items()]
    beside = [
        f"`{_escaped(notice.run_id)}`",
        *(f"{key}: {_escaped(each)}" for key, each in notice.labels.items()),
    ]
    return {
        "text": f"*{_escaped(notice.title)}* {_escaped(notice.why)}",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": notice.title[:_MOST_TITLE]}},
            {"type": "section", "text": {"type": "mrkdwn", "text": _escaped(notice.why) or "-"}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join([*beside, *links])}]},
        ],
    }


def _escaped(text: str) -> str:
    """Without anything that Slack would take for a link, or for somebody to be called."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
