"""Bodies of notices as JSON: ours, Slack's, Teams' and Discord's.

Sources. Slack, "Sending messages using incoming webhooks", "Block Kit" (header: 150 characters, section: 3000, context:
10 elements) and "Formatting text"; Mattermost and Rocket.Chat take the same `text`. Microsoft, "Post a workflow when a
webhook request is received in Microsoft Teams" and Adaptive Cards 1.4 (a message: 28 KB); a TextRun is no Markdown.
Discord, "Execute Webhook" and "Embed Limits" (title: 256, description: 4096, field: 1024, 25 fields, 6000 in all).
"""

import re
from typing import Any

from chaos.publish.notifications.limits import cut, units
from chaos.publish.notifications.notice import Notice
from chaos.text.inert import everywhere, inert, one_line
from chaos.text.inert import slack as escaped

_MOST_SLACK = {"header": 150, "text": 3000, "message": 4000, "link": 2000}
_MOST_TEAMS = {"title": 300, "why": 3000, "fact": 200}
_MOST_DISCORD = {"title": 256, "description": 3000, "field": 500}
_MOST_LABELS = 8
_IN_DISCORD = re.compile(r"[\\`*_~|<>\[\]()#@:]")
"""What begins something in its Markdown, a mention, or a link by itself; it knows no entities of HTML."""
_COLOURS = {"held": 0x2E7D32, "deviated": 0xC62828}
_ORANGE = 0xEF6C00


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
    most = _MOST_SLACK
    links = [_linked(what, link) for what, link in notice.links.items()]
    beside = [
        f"`{escaped(notice.run_id).replace('`', ' ')}`",
        *(cut(f"{escaped(key)}: {escaped(each)}", 200) for key, each in _labels(notice)),
    ]
    headline = {
        "type": "plain_text",
        "text": cut(one_line(notice.title), most["header"]) or "-",
        "emoji": False,
    }
    about = _joined([*beside, *(link for link in links if link)], most["text"])
    return {
        "text": cut(f"*{escaped(notice.title)}* {escaped(notice.why)}", most["message"]),
        "blocks": [
            {"type": "header", "text": headline},
            {"type": "section", "text": _marked(cut(escaped(notice.why), most["text"]) or "-")},
            {"type": "context", "elements": [_marked(about)]},
        ],
    }


def _marked(text: str) -> dict[str, Any]:
    """Verbatim: Slack makes no link and calls nobody but where the text says so in its own signs."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _linked(what: str, link: str) -> str:
    """A link, or nothing: half an address leads elsewhere."""
    address = escaped(link).replace("|", "%7C").replace(" ", "%20")
    return f"<{address}|{what.capitalize()}>" if units(address) <= _MOST_SLACK["link"] else ""


def _joined(parts: list[str], most: int) -> str:
    """As many of the parts as there is room for; none is cut."""
    text = ""
    for part in parts:
        longer = f"{text} · {part}" if text else part
        if units(longer) <= most:
            text = longer
    return text or "-"


def _labels(notice: Notice) -> list[tuple[str, str]]:
    return list(notice.labels.items())[:_MOST_LABELS]


def teams(notice: Notice) -> dict[str, Any]:
    """An Adaptive Card, as a workflow's webhook takes it."""
    most = _MOST_TEAMS
    about = [("run", notice.run_id), *_labels(notice)]
    facts = [_run(f"{cut(inert(f'{key}: {each}'), most['fact'])}   ", isSubtle=True) for key, each in about]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            _rich(_run(cut(one_line(notice.title), most["title"]) or "-", size="Large", weight="Bolder")),
            _rich(_run(cut(inert(notice.why), most["why"]) or "-")),
            _rich(*facts),
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": what.capitalize(), "url": link}
            for what, link in notice.links.items()
            if units(link) <= _MOST_SLACK["link"]
        ],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def _rich(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **look}


def discord(notice: Notice) -> dict[str, Any]:
    """One embed, which calls nobody."""
    most = _MOST_DISCORD
    links = " · ".join(
        f"[{what.capitalize()}](<{link.replace('>', '%3E')}>)"
        for what, link in notice.links.items()
        if units(link) <= most["field"] - 40
    )
    about = [("run", notice.run_id), *_labels(notice)]
    fields = [
        {"name": cut(_plain(key), 100) or "-", "value": cut(_plain(each), 200) or "-", "inline": True}
        for key, each in about
    ]
    if links:
        fields.append({"name": "links", "value": cut(links, 1024), "inline": False})
    embed = {
        "title": cut(_plain(notice.title), most["title"]) or "-",
        "description": cut(_plain(notice.why), most["description"]),
        "color": _COLOURS.get(notice.event.rpartition(".")[2], _ORANGE),
        "timestamp": notice.at,
        "fields": fields,
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _plain(text: str) -> str:
    """One line that Discord shows as it is."""
    return _IN_DISCORD.sub(r"\\\g<0>", one_line(text))
